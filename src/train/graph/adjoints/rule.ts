import type { Graph } from '../../../onnx/graph.js';
import type { Value } from '../../../onnx/graph-scope.js';
import type { NodeProto } from '../../../onnx/proto.js';
import type { Shape } from '../shapes.js';

/** What a rule has at hand. */
export interface RuleContext {
  readonly g: Graph;
  readonly node: NodeProto;
  /** The gradient of the node's output, of the output's shape. */
  readonly dy: Value;
  shape(value: Value): Shape;
  /** Whether the gradient of input `at` is asked for. */
  wants(at: number): boolean;
}

/**
 * An operator's adjoint: adds nodes that compute the gradient of each input that is wanted from that of the output.
 * @returns one entry an input, undefined where none is wanted or none flows.
 */
export type Rule = (context: RuleContext) => readonly (Value | undefined)[];

/** Sums a gradient over the axes along which NumPy's broadcasting repeated an operand of shape `to`. */
export function unbroadcast(g: Graph, gradient: Value, from: Shape, to: Shape): Value {
  const extra = from.length - to.length;
  const leading = Array.from({ length: extra }, (_, axis) => axis);
  let sum = extra > 0 ? g.sumOver(gradient, leading) : gradient;
  for (const [axis, length] of to.entries()) {
    if (length === 1 && from[axis + extra] !== 1) sum = g.reduceSum(sum, axis);
  }
  return sum;
}

/** All elements of a shape as lengths for `reshape`, which may leave one open. @throws Error when two are unknown */
export function target(shape: Shape): number[] {
  const lengths = shape.map((length) => (typeof length === 'number' ? length : -1));
  if (lengths.filter((length) => length === -1).length > 1) {
    throw new Error(`two lengths of [${shape}] are unknown`);
  }
  return lengths;
}
