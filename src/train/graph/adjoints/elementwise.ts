import type { Value } from '../../../onnx/graph-scope.js';
import { input, output } from '../node-reader.js';
import { type Rule, type RuleContext, unbroadcast } from './rule.js';

/** The gradients of two operands that broadcast, from those of the operands as they were repeated. */
function operands(
  { g, node, shape, wants }: RuleContext,
  gradients: readonly [a: () => Value, b: () => Value],
): (Value | undefined)[] {
  return gradients.map((gradient, at) =>
    wants(at) ? unbroadcast(g, gradient(), shape(output(node)), shape(input(node, at))) : undefined,
  );
}

const add: Rule = (context) => operands(context, [() => context.dy, () => context.dy]);

const sub: Rule = (context) => {
  const { g, dy } = context;
  return operands(context, [() => dy, () => g.mul(dy, g.constant(-1))]);
};

const mul: Rule = (context) => {
  const { g, node, dy } = context;
  return operands(context, [() => g.mul(dy, input(node, 1)), () => g.mul(dy, input(node, 0))]);
};

/** y = a / b: dy / b, and -dy y / b. */
const div: Rule = (context) => {
  const { g, node, dy } = context;
  const quotient = () => g.div(dy, input(node, 1));
  const forB = () => g.mul(g.mul(quotient(), output(node)), g.constant(-1));
  return operands(context, [quotient, forB]);
};

const where: Rule = (context) => {
  const { g, node, dy, shape, wants } = context;
  const condition = { name: node.inputs[0] as string, type: 'bool' } as const;
  const zero = g.constant(0);
  const full = shape(output(node));
  const back = (gradient: Value, at: number) =>
    unbroadcast(g, gradient, full, shape(input(node, at)));
  return [
    undefined,
    wants(1) ? back(g.where(condition, dy, zero), 1) : undefined,
    wants(2) ? back(g.where(condition, zero, dy), 2) : undefined,
  ];
};

/** The subgradient at 0 is 0, as PyTorch has it. */
const relu: Rule = ({ g, node, dy }) => {
  const zero = g.constant(0);
  return [g.where(g.greater(input(node, 0), zero), dy, zero)];
};

/** y = x F(x), F the normal distribution's integral and f its density: F(x) + x f(x). */
const gelu: Rule = ({ g, node, dy }) => {
  const x = input(node, 0);
  const half = g.constant(0.5);
  const integral = g.add(g.mul(g.erf(g.mul(x, g.constant(Math.SQRT1_2))), half), half);
  const bell = g.exp(g.mul(g.mul(x, x), g.constant(-0.5)));
  const density = g.mul(bell, g.constant(1 / Math.sqrt(2 * Math.PI)));
  return [g.mul(dy, g.add(integral, g.mul(x, density)))];
};

const sigmoid: Rule = ({ g, node, dy }) => {
  const y = output(node);
  return [g.mul(dy, g.mul(y, g.sub(g.constant(1), y)))];
};

const softplus: Rule = ({ g, node, dy }) => [g.mul(dy, g.sigmoid(input(node, 0)))];

const exp: Rule = ({ g, node, dy }) => [g.mul(dy, output(node))];

const sin: Rule = ({ g, node, dy }) => [g.mul(dy, g.cos(input(node, 0)))];

const cos: Rule = ({ g, node, dy }) => [g.mul(dy, g.mul(g.sin(input(node, 0)), g.constant(-1)))];

export const ELEMENTWISE: Readonly<Record<string, Rule>> = {
  Add: add,
  Sub: sub,
  Mul: mul,
  Div: div,
  Where: where,
  Relu: relu,
  Gelu: gelu,
  Sigmoid: sigmoid,
  Softplus: softplus,
  Exp: exp,
  Sin: sin,
  Cos: cos,
};
