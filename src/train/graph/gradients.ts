import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import type { NodeProto } from '../../onnx/proto.js';
import { ELEMENTWISE } from './adjoints/elementwise.js';
import { LAYOUT } from './adjoints/layout.js';
import { NORMALISATION } from './adjoints/normalisation.js';
import { PRODUCTS } from './adjoints/products.js';
import type { Rule } from './adjoints/rule.js';
import { inferShapes } from './shapes.js';

const RULES: Readonly<Record<string, Rule>> = {
  ...ELEMENTWISE,
  ...LAYOUT,
  ...PRODUCTS,
  ...NORMALISATION,
};

/** Operators through which nothing flows: their results are whole numbers or choices. */
const CONSTANT = new Set(['Equal', 'Greater', 'And', 'Or', 'Shape', 'ArgMin', 'Cast']);

/**
 * Adds to a graph what computes the gradients of one of its values by others: reverse-mode differentiation, which goes
 * once through the nodes from the last to the first.
 * @param loss of any shape; what is differentiated is the sum of its elements.
 * @param by the names of inputs, weights or values in between.
 * @returns gradients by name, each of its value's shape; a name without influence on the loss is absent.
 * @throws Error for an operator on the way that has no rule.
 */
export function addGradients(
  g: Graph,
  loss: Value,
  by: ReadonlySet<string>,
): ReadonlyMap<string, Value> {
  const graph = g.toModel().graph;
  const nodes = [...graph.nodes];
  const shapes = inferShapes(graph);
  const influenced = influencedBy(nodes, by);
  const gradients = new Map<string, Value>();
  const give = (name: string, gradient: Value) => {
    const known = gradients.get(name);
    gradients.set(name, known ? g.add(known, gradient) : gradient);
  };
  const lossShape = g.shape(loss, 0, (shapes.get(loss.name) ?? []).length);
  give(loss.name, g.expand(g.constant(1), lossShape));

  for (const node of nodes.reverse()) {
    const dy = gradients.get(node.outputs[0] as string);
    if (!dy || CONSTANT.has(node.op) || !node.inputs.some((name) => influenced.has(name))) continue;
    const rule = RULES[node.op];
    if (!rule) throw new Error(`"${node.name}" cannot be differentiated: ${node.op} has no rule`);
    const wants = (at: number) => influenced.has(node.inputs[at] ?? '');
    const shape = (value: Value) => shapes.get(value.name) ?? [];
    for (const [at, gradient] of rule({ g, node, dy, shape, wants }).entries()) {
      if (gradient && wants(at)) give(node.inputs[at] as string, gradient);
    }
  }
  return new Map([...gradients].filter(([name]) => by.has(name)));
}

/** Names of all values that depend on some of `by`, these included. */
function influencedBy(nodes: readonly NodeProto[], by: ReadonlySet<string>): ReadonlySet<string> {
  const influenced = new Set(by);
  for (const { op, inputs, outputs } of nodes) {
    if (CONSTANT.has(op) || !inputs.some((name) => influenced.has(name))) continue;
    for (const output of outputs) influenced.add(output);
  }
  return influenced;
}
