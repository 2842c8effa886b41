import type { Graph } from '../onnx/graph.js';
import type { Value } from '../onnx/graph-scope.js';
import type { Tower } from './architecture.js';
import { linear } from './layers.js';

/**
 * How attention among the many tokens of a picture is written down. Both compute the same:
 * - `fused`, one operator that never holds all scores of a head;
 * - `by-head`, one head after the other, for runtimes without it: 52 MB of scores where 3601 tokens meet.
 */
export type AttentionKind = 'fused' | 'by-head';

/** The tokens of a batch. */
export interface Tokens {
  /** [B,S]: known when the graph is built, or as a vector of the two when it runs. */
  readonly shape: readonly [number, number] | Value<'int64'>;
  /** Few tokens attend all at once, with a mask [S,S] that is added to their scores. */
  readonly attention: AttentionKind | { readonly mask: Value };
}

/** Queries, keys and values, each [B,S,heads,c]. */
type Operands = readonly [q: Value, k: Value, v: Value];

/** `self_attn`: multi-head attention among the tokens of each picture or text, rows [B*S,C] -> [B*S,C]. */
export function selfAttention(
  g: Graph,
  x: Value,
  tower: Tower,
  { shape, attention }: Tokens,
): Value {
  const lengths = [tower.heads, tower.width / tower.heads];
  const target = 'name' in shape ? g.concat([shape, g.ints(lengths)], 0) : [...shape, ...lengths];
  const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((name) =>
    g.reshape(linear(g.scope(name), x), target),
  ) as [Value, Value, Value];
  const attended =
    attention === 'fused' ? fused(g, [q, k, v], tower) : plain(g, [q, k, v], tower, attention);
  return linear(g.scope('out_proj'), g.reshape(attended, [-1, tower.width]));
}

/** [B,S,heads,c] -> [B,S,C] */
function fused(g: Graph, operands: Operands, { width, heads }: Tower): Value {
  const [q, k, v] = operands.map((y) => g.reshape(y, [0, 0, width])) as [Value, Value, Value];
  return g.multiHeadAttention(q, k, v, heads, scaleOf(width, heads));
}

/** [B,S,heads,c] -> the same. */
function plain(
  g: Graph,
  [q, k, v]: Operands,
  { width, heads }: Tower,
  attention: 'by-head' | { readonly mask: Value },
): Value {
  const scaled = g.mul(q, g.constant(scaleOf(width, heads)));
  if (attention !== 'by-head') return attend(g, [scaled, k, v], attention.mask);
  const each = Array.from({ length: heads }, (_, head) => {
    const of = (y: Value) => g.slice(y, 2, head, head + 1);
    return attend(g, [of(scaled), of(k), of(v)]);
  });
  return g.concat(each, 2);
}

/** softmax(q k' + mask) v for each head: [B,S,heads,c] -> the same. */
function attend(g: Graph, [q, k, v]: Operands, mask?: Value): Value {
  const scores = g.matMul(g.transpose(q, [0, 2, 1, 3]), g.transpose(k, [0, 2, 3, 1])); // [B,heads,S,S]
  const weights = g.softmax(mask ? g.add(scores, mask) : scores);
  return g.transpose(g.matMul(weights, g.transpose(v, [0, 2, 1, 3])), [0, 2, 1, 3]);
}

function scaleOf(width: number, heads: number): number {
  return (width / heads) ** -0.5;
}
