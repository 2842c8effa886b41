import type { Graph } from '../onnx/graph.js';
import type { Value } from '../onnx/graph-scope.js';

/** Rows [N,in] -> [N,out] with the scope's `weight` [out,in] and `bias` [out]. */
export function linear(g: Graph, x: Value): Value {
  return g.gemmTransposed(x, g.parameter('weight'), g.parameter('bias'));
}

/** The same without a bias. */
export function projection(g: Graph, x: Value): Value {
  return g.gemmTransposed(x, g.parameter('weight'));
}

/** Normalises each row with the scope's `weight` and `bias`. */
export function layerNorm(g: Graph, x: Value, epsilon: number): Value {
  return g.layerNormalization(x, g.parameter('weight'), g.parameter('bias'), epsilon);
}

/** CLIP's activation, x sigmoid(1.702 x), which is near to gelu and not near enough to be replaced by it. */
export function quickGelu(g: Graph, x: Value): Value {
  return g.mul(x, g.sigmoid(g.mul(x, g.constant(1.702))));
}
