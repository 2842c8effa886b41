import type { Attributes, Dimension, GraphProto, NodeProto } from '../../onnx/proto.js';
import { ints } from './node-reader.js';

/** Lengths of axes: numbers, or names of lengths that are known only when the graph runs. */
export type Shape = readonly Dimension[];

/** Shapes of a graph's values by name. */
export type Shapes = ReadonlyMap<string, Shape>;

/** An operator's view of its inputs. */
interface Inputs {
  readonly shapes: readonly Shape[];
  /** The elements of an input that is a constant vector of integers. */
  constant(at: number): readonly number[] | undefined;
}

/**
 * The shapes of all values of a graph, from those of its inputs and weights. A length that is computed when
 * the graph runs has a name; two different names may stand for equal lengths, never 1 for an axis that is repeated.
 * @throws Error for an operator it does not know.
 */
export function inferShapes(graph: GraphProto): Shapes {
  const shapes = new Map<string, Shape>();
  const constants = new Map<string, readonly number[]>();
  for (const { name, shape } of graph.inputs) shapes.set(name, shape);
  for (const { name, shape, type, data } of graph.initializers) {
    shapes.set(name, shape);
    if (type !== 'int64' || shape.length !== 1) continue;
    const copy = data.slice();
    constants.set(name, Array.from(new BigInt64Array(copy.buffer, 0, shape[0] as number), Number));
  }
  for (const node of graph.nodes) {
    const inputs = {
      shapes: node.inputs.map((name) => shapes.get(name) ?? []),
      constant: (at: number) => constants.get(node.inputs[at] ?? ''),
    };
    for (const output of node.outputs) shapes.set(output, shapeOf(node, inputs));
  }
  return shapes;
}

function shapeOf({ op, name, attributes }: NodeProto, inputs: Inputs): Shape {
  const [first = [], second = []] = inputs.shapes;
  switch (op) {
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
    case 'Equal':
    case 'Greater':
    case 'And':
    case 'Or':
    case 'Where':
      return inputs.shapes.reduce(broadcast);
    case 'MatMul':
      return [
        ...broadcast(first.slice(0, -2), second.slice(0, -2)),
        first.at(-2) ?? 1,
        second.at(-1) ?? 1,
      ];
    case 'Conv':
    case 'ConvTranspose':
      return patches(op, first, second, attributes);
    case 'Transpose':
      return ints(attributes, 'perm').map((axis) => first[axis] ?? 1);
    case 'Reshape':
      return reshaped(name, first, inputs.constant(1));
    case 'Unsqueeze':
      return first.toSpliced(inputs.constant(1)?.[0] ?? 0, 0, 1);
    case 'Concat':
      return joined(inputs.shapes, Number(attributes['axis']?.value));
    case 'Slice':
      return sliced(name, first, inputs);
    case 'Gather':
      return [...second, ...first.slice(1)];
    case 'Expand':
      return [`${name} rows`, ...first.slice(1)];
    case 'Shape':
      return [Number(attributes['end']?.value) - Number(attributes['start']?.value)];
    case 'ReduceSum':
    case 'ReduceMean': {
      const axes = (inputs.constant(1) ?? []).map((axis) => (axis + first.length) % first.length);
      const keeps = attributes['keepdims']?.value === 1;
      return first.flatMap((length, axis) => (!axes.includes(axis) ? [length] : keeps ? [1] : []));
    }
    case 'ArgMin': {
      const axis = Number(attributes['axis']?.value);
      return first.with(axis, 1);
    }
    default:
      if (KEEPS_SHAPE.has(op)) return first;
      throw new Error(`the shape of ${op} in "${name}" is not known`);
  }
}

const KEEPS_SHAPE = new Set(
  'Relu Gelu Sigmoid Softplus Softmax LayerNormalization Sin Cos Exp Erf Identity Cast'.split(' '),
);

/** NumPy's rule, where a number knows more than a name. */
function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x = 1, y = 1] = [a.at(i - rank), b.at(i - rank)].map((length, side) =>
      i >= rank - (side === 0 ? a : b).length ? length : 1,
    );
    if (x === 1) return y;
    return y === 1 || typeof x === 'number' ? x : y;
  });
}

/** Kernels as large as their stride. */
function patches(op: string, x: Shape, weight: Shape, attributes: Attributes): Shape {
  const [stride = 1] = ints(attributes, 'strides');
  const channels = weight[op === 'Conv' ? 0 : 1] ?? 1;
  const scale = op === 'Conv' ? 1 / stride : stride;
  return [x[0] ?? 1, channels, ...x.slice(2).map((side) => Number(side) * scale)];
}

function reshaped(name: string, from: Shape, target: readonly number[] | undefined): Shape {
  if (!target) throw new Error(`"${name}" has a shape that is computed`);
  const known = target.map((length, axis) => (length === 0 ? (from[axis] ?? 1) : length));
  const open = known.indexOf(-1);
  if (open < 0) return known;
  const names = from.filter((length) => typeof length === 'string');
  for (const length of known) {
    const at = names.indexOf(length as string);
    if (at >= 0) names.splice(at, 1);
  }
  const numbers = (shape: Shape) =>
    shape.reduce<number>((all, side) => all * (typeof side === 'number' ? side : 1), 1);
  const rest = numbers(from) / -numbers(known);
  const [only] = names;
  if (names.length === 0) return known.with(open, rest);
  return known.with(open, names.length === 1 && rest === 1 && only ? only : `${name} rest`);
}

function joined(parts: readonly Shape[], axis: number): Shape {
  const [first = []] = parts;
  const at = (axis + first.length) % first.length;
  const lengths = parts.map((part) => part[at] ?? 1);
  const isKnown = lengths.every((length) => typeof length === 'number');
  const total = isKnown ? lengths.reduce((a, b) => Number(a) + Number(b)) : lengths.join('+');
  return first.with(at, total);
}

function sliced(name: string, from: Shape, inputs: Inputs): Shape {
  const [[start] = [], [end] = [], [axis] = []] = [1, 2, 3].map((at) => inputs.constant(at));
  if (start === undefined || end === undefined || axis === undefined) {
    throw new Error(`"${name}" slices at places that are computed`);
  }
  return from.with(axis, end - start);
}
