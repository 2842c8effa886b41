import type { ConvOptions, Graph } from '../onnx/graph.js';
import type { Value } from '../onnx/graph-scope.js';

/** PyTorch's LayerNorm default. */
export const LAYER_NORM_EPSILON = 1e-5;
/** segment-anything's LayerNorm2d default. */
const LAYER_NORM_2D_EPSILON = 1e-6;

/** [..., in] -> [..., out] with the scope's `weight` [in, out] and `bias` [out]. */
export function linear(g: Graph, x: Value): Value {
  return g.add(g.matMul(x, g.parameter('weight')), g.parameter('bias'));
}

/** The same for rows [n,in] -> [n,out], as one operator. */
export function linearRows(g: Graph, x: Value): Value {
  return g.gemm(x, g.parameter('weight'), g.parameter('bias'));
}

/** Normalises each token: over the last axis. */
export function layerNorm(g: Graph, x: Value, epsilon = LAYER_NORM_EPSILON): Value {
  return g.layerNormalization(x, g.parameter('weight'), g.parameter('bias'), epsilon);
}

/** Normalises each pixel over its channels: x [B,C,H,W]. */
export function layerNorm2d(g: Graph, x: Value): Value {
  return channelsFirst(g, layerNorm2dLast(g, channelsLast(g, x)));
}

/** The same where the channels are last already: x [...,C]. */
export function layerNorm2dLast(g: Graph, x: Value): Value {
  return g.layerNormalization(x, g.parameter('weight'), g.parameter('bias'), LAYER_NORM_2D_EPSILON);
}

/** Linear layers `layers.0`, `layers.1`... with ReLU between them, for rows [n,in]. */
export function mlpRows(g: Graph, x: Value, depth: number): Value {
  let hidden = x;
  for (let layer = 0; layer < depth; layer++) {
    hidden = linearRows(g.scope(`layers.${layer}`), layer === 0 ? hidden : g.relu(hidden));
  }
  return hidden;
}

/** x [B,I,H,W] -> [B,O,H',W'] with the scope's `weight` [O,I/groups,k,k] and `bias` [O]. */
export function conv(g: Graph, x: Value, options: ConvOptions = { stride: 1 }): Value {
  return g.conv(x, g.parameter('weight'), g.parameter('bias'), options);
}

/** [B,C,H,W] -> [B,H,W,C] */
export function channelsLast(g: Graph, x: Value): Value {
  return g.transpose(x, [0, 2, 3, 1]);
}

/** [B,H,W,C] -> [B,C,H,W] */
export function channelsFirst(g: Graph, x: Value): Value {
  return g.transpose(x, [0, 3, 1, 2]);
}
