import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import type { TinyVitStage } from '../architecture.js';
import { channelsFirst, channelsLast, conv, LAYER_NORM_EPSILON } from '../layers.js';

/**
 * Multi-head attention within windows, with a learned bias for each pair of places: [B,H,W,C] -> [B,H,W,C].
 * Its weights are those of `foldWindowAttention`, with which the keys and values of the places beyond the edge
 * of the grid are zeros, so that only what is inside is normalised and projected.
 */
export function windowAttention(g: Graph, x: Value, stage: TinyVitStage): Value {
  const normalised = g.layerNormalization(
    x,
    g.parameter('norm.weight'),
    undefined,
    LAYER_NORM_EPSILON,
  );
  const projected = (name: string) => g.matMul(normalised, g.parameter(`${name}.weight`));
  const q = partition(g, g.add(projected('q'), g.parameter('q.bias')), stage); // [B,n,n,heads,S,c]
  const k = partition(g, projected('k'), stage);
  const v = partition(g, projected('v'), stage);
  const scores = g.matMul(q, g.transpose(k, [0, 1, 2, 3, 5, 4])); // [B,n,n,heads,S,S]
  const biased = g.add(scores, g.parameter('attention_biases'));
  const attended = reverse(g, g.matMul(g.softmax(biased), v), stage); // [B,H,W,C]
  return channelsLast(g, conv(g.scope('proj'), channelsFirst(g, attended)));
}

/**
 * Cuts a grid, padded with zeros at its right and bottom, into n x n windows of S = w * w places, and places
 * into heads of c channels: [B,H,W,C] -> [B,n,n,heads,S,c].
 */
function partition(g: Graph, x: Value, { side, window, dim, heads }: TinyVitStage): Value {
  const windows = Math.ceil(side / window);
  const padding = windows * window - side;
  const padded = g.pad(x, [0, padding, padding, 0]);
  const cut = g.reshape(padded, [0, windows, window, windows, window, heads, dim / heads]);
  const together = g.transpose(cut, [0, 1, 3, 5, 2, 4, 6]); // [B,n,n,heads,w,w,c]
  return g.reshape(together, [0, windows, windows, heads, window * window, dim / heads]);
}

/** Puts windows and heads together and drops the padding: [B,n,n,heads,S,c] -> [B,H,W,C]. */
function reverse(g: Graph, x: Value, { side, window, dim, heads }: TinyVitStage): Value {
  const windows = Math.ceil(side / window);
  const apart = g.reshape(x, [0, windows, windows, heads, window, window, dim / heads]);
  const rows = g.transpose(apart, [0, 1, 4, 2, 5, 3, 6]); // [B,n,w,n,w,heads,c]
  const padded = g.reshape(rows, [0, windows * window, windows * window, dim]);
  return g.cut(padded, [1, 2], [side, side]);
}
