import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { linear } from '../layers.js';

type Sequences = Readonly<Record<'q' | 'k' | 'v', Value>>;

/** Attention between tokens and image, on fewer channels: the image is long. */
export function crossAttention(g: Graph, sequences: Sequences): Value {
  return attention(g, sequences, DECODER.dim / DECODER.transformer.attentionDownsampleRate);
}

/** Multi-head attention on `internalDim` channels: q [B,Q,dim], k and v [B,K,dim] -> [B,Q,dim]. */
export function attention(g: Graph, { q, k, v }: Sequences, internalDim: number): Value {
  const { heads } = DECODER.transformer;
  const channels = internalDim / heads;
  const separate = (x: Value) => g.reshape(x, [0, -1, heads, channels]);

  const queries = g.transpose(separate(linear(g.scope('q_proj'), q)), [0, 2, 1, 3]); // [B,h,Q,c]
  const keys = g.transpose(separate(linear(g.scope('k_proj'), k)), [0, 2, 3, 1]); // [B,h,c,K]
  const values = g.transpose(separate(linear(g.scope('v_proj'), v)), [0, 2, 1, 3]); // [B,h,K,c]

  const scores = g.div(g.matMul(queries, keys), g.constant(Math.sqrt(channels))); // [B,h,Q,K]
  const attended = g.matMul(g.softmax(scores), values); // [B,h,Q,c]
  const recombined = g.reshape(g.transpose(attended, [0, 2, 1, 3]), [0, -1, internalDim]);
  return linear(g.scope('out_proj'), recombined); // [B,Q,dim]
}
