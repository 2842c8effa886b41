import { castNode } from '../cast.js';
import { DATA_TYPES, type DataType, type ModelProto, type NodeProto } from '../proto.js';

/** Operators whose first input does not say what type their output has. */
const OUTPUT_TYPES: Readonly<Record<string, DataType>> = {
  Shape: 'int64',
  NonZero: 'int64',
  Equal: 'bool',
  Greater: 'bool',
  GreaterOrEqual: 'bool',
  ArgMax: 'int64',
};

/** Operators that add up many numbers: 16 bits are too few for the sums. */
export const SUMS: readonly string[] = ['LayerNormalization', 'Softmax', 'Resize', 'ReduceL2'];

/**
 * The same model with its floats in 16 bits, but for the operators and the single nodes named in `keep`: those compute
 * in 32.
 * Inputs and outputs stay as they were. Weights stay where they are too: the graph converts them, and the
 * runtime does so once, at load.
 */
export function toHalfPrecision(model: ModelProto, keep: ReadonlySet<string>): ModelProto {
  const { initializers, inputs, outputs } = model.graph;
  const types = new Map<string, DataType>();
  for (const { name, type } of [...initializers, ...inputs]) types.set(name, type);
  /** Names of the values that exist in 32 bits, and of those that exist in 16. */
  const floats = new Set(types.keys());
  const halves = new Set<string>();
  const nodes: NodeProto[] = [];

  const float = (name: string) => {
    if (!floats.has(name)) nodes.push(cast(halfOf(name), name, 'float'));
    floats.add(name);
    return name;
  };
  const half = (name: string) => {
    if (!halves.has(name)) nodes.push(cast(name, halfOf(name), 'float16'));
    halves.add(name);
    return halfOf(name);
  };

  for (const node of model.graph.nodes) {
    const type = outputType(node, types);
    for (const output of node.outputs) types.set(output, type);
    const isKept = keep.has(node.op) || keep.has(node.name);
    const isHalf = type === 'float' && !isKept && node.op !== 'Cast';
    const take = isHalf ? half : float;
    const operands = node.inputs.map((name) => (types.get(name) === 'float' ? take(name) : name));
    for (const output of node.outputs) (isHalf ? halves : floats).add(output);
    nodes.push({
      ...node,
      inputs: operands,
      outputs: isHalf ? node.outputs.map(halfOf) : node.outputs,
    });
  }
  for (const { name } of outputs) float(name);
  return { ...model, graph: { ...model.graph, nodes } };
}

function halfOf(name: string): string {
  return `${name} in half`;
}

function cast(from: string, to: string, type: DataType): NodeProto {
  return castNode(`${from} to ${type}`, from, to, type);
}

function outputType({ op, inputs, attributes }: NodeProto, types: Map<string, DataType>): DataType {
  const known = OUTPUT_TYPES[op];
  if (known) return known;
  if (op === 'Cast') {
    const code = attributes['to']?.value;
    const names = Object.keys(DATA_TYPES) as DataType[];
    return names.find((name) => DATA_TYPES[name].code === code) ?? 'float';
  }
  return types.get(inputs[op === 'Where' ? 1 : 0] ?? '') ?? 'float';
}
