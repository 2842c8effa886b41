import type { Graph } from '../../../onnx/graph.js';
import type { Value } from '../../../onnx/graph-scope.js';
import { linear } from '../vit-attention.js';
import type { BlockShape } from './blocks.js';
import { maxPool, windowPartition, windowUnpartition } from './windows.js';

/**
 * How attention is written down. Both compute the same function:
 * - `fused`, one operator that never holds all scores of a head;
 * - `by-head`, one head after the other, for runtimes without it: 64 MiB of scores where 4096 tokens meet.
 */
export type HieraAttention = 'fused' | 'by-head';

/** [W,S,C] each, of W windows: S places are asked about, or a quarter of them where queries are pooled. */
type Operands = readonly [q: Value, k: Value, v: Value];

/**
 * Multi-head attention within windows, [B,side,side,dim] -> [B,side',side',dimOut]. Where a stage begins, the queries of a
 * window are max-pooled before heads are taken apart, so that side' is half of side.
 *
 * Windows that reach beyond the grid hold tokens of zeros there. Nothing masks them: the bias of `qkv` is what they have
 * for keys and values.
 */
export function multiScaleAttention(
  g: Graph,
  x: Value,
  block: BlockShape,
  kind: HieraAttention,
): Value {
  const { side, window, dim, dimOut, heads, isPooled } = block;
  const windows = windowPartition(g, x, { side, window, dim }); // [W,w,w,dim]
  const qkv = linear(g.scope('qkv'), g.reshape(windows, [-1, dim])); // [W*S,3*dimOut]
  const [queries, keys, values] = g.split(qkv, 1, 3) as [Value, Value, Value];
  const asked = isPooled
    ? maxPool(g, g.reshape(queries, [-1, window, window, dimOut]), window, dimOut)
    : queries;
  const own = isPooled ? window / 2 : window; // side of a window among the answers
  const operands: Operands = [
    g.reshape(asked, [-1, own * own, dimOut]),
    g.reshape(keys, [-1, window * window, dimOut]),
    g.reshape(values, [-1, window * window, dimOut]),
  ];
  const attended =
    kind === 'fused'
      ? g.multiHeadAttention(...operands, heads, (dimOut / heads) ** -0.5)
      : byHead(g, operands, dimOut, heads);
  const answers = g.reshape(attended, [-1, own, own, dimOut]);
  const sideOut = isPooled ? side / 2 : side;
  const joined = windowUnpartition(g, answers, { side: sideOut, window: own, dim: dimOut });
  // After the windows are joined, as what they hold beyond the grid is not wanted.
  const projected = linear(g.scope('proj'), g.reshape(joined, [-1, dimOut]));
  return g.reshape(projected, [-1, sideOut, sideOut, dimOut]);
}

/** softmax(q k' / sqrt(c)) v, head by head. */
function byHead(g: Graph, [q, k, v]: Operands, dim: number, heads: number): Value {
  const channels = dim / heads;
  const scaled = g.mul(q, g.constant(channels ** -0.5));
  const each = Array.from({ length: heads }, (_, head) => {
    const of = (y: Value) => g.slice(y, 2, head * channels, (head + 1) * channels); // [W,S,c]
    const scores = g.matMul(of(scaled), g.transpose(of(k), [0, 2, 1]));
    return g.matMul(g.softmax(scores), of(v));
  });
  return each.length > 1 ? g.concat(each, 2) : (each[0] as Value);
}
