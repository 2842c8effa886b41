import { text } from '../attributes.js';
import { floatsOf } from '../float-tensor.js';
import type { Attributes, ModelProto, NodeProto, TensorProto } from '../proto.js';
import { type Product, QuantizedProducts } from './quantized-products.js';

/**
 * The same model with its large products in whole numbers: MatMul and Gemm by constant weights, and convolutions of
 * stride 1 that see all channels. Weights become 8-bit numbers with a scale for each output; activations become
 * 8-bit numbers when the model runs, with a scale and a zero for each tensor (Jacob et al., 2018,
 * https://arxiv.org/abs/1712.05877). Gelu is approximated too, in 0.6 of its time. The result has only ONNX's own
 * operators, which onnxruntime fuses.
 * @param leastChannels products with fewer inputs or outputs stay: the conversions would cost more than they save.
 */
export function quantize(model: ModelProto, leastChannels: number): ModelProto {
  const { graph } = model;
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const products = new QuantizedProducts();
  for (const node of graph.nodes) {
    const product = productOf(node, constants, leastChannels);
    if (product) products.add(product);
    else products.keep(node.op === 'Gelu' ? approximateGelu(node) : node);
  }
  const { nodes, tensors } = products;
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const initializers = [...graph.initializers, ...tensors].filter(({ name }) => used.has(name));
  return { ...model, graph: { ...graph, nodes, initializers } };
}

/** By tanh, which differs by at most 5e-4 (Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415). */
function approximateGelu(node: NodeProto): NodeProto {
  return { ...node, attributes: { approximate: text('tanh') } };
}

function productOf(
  node: NodeProto,
  constants: ReadonlyMap<string, TensorProto>,
  leastChannels: number,
): Product | undefined {
  const { inputs, outputs, attributes } = node;
  const [x = '', weightName = '', bias] = inputs;
  const weight = constants.get(weightName);
  const kind = weight && kindOf(node, weight.shape);
  if (weight?.type !== 'float' || !kind) return undefined;
  const [a = 0, b = 0, side = 1] = weight.shape;
  if (Math.min(a, b) < leastChannels) return undefined;
  return {
    x,
    y: outputs[0] ?? '',
    bias,
    weightName,
    weight: floatsOf(weight),
    isOutByIn: kind !== 'product',
    ...(kind === 'convolution' && {
      kernel: { side, padding: numbers(attributes, 'pads')[0] ?? 0 },
    }),
  };
}

/** What a node is, if it can be quantised; `linear` has its weight as [out,in]. */
function kindOf(
  { op, attributes }: NodeProto,
  shape: readonly number[],
): 'product' | 'linear' | 'convolution' | undefined {
  const number = (name: string, standard: number) => attributes[name]?.value ?? standard;
  const all = (name: string, value: number) =>
    numbers(attributes, name).every((each) => each === value);
  switch (op) {
    case 'MatMul':
      return shape.length === 2 ? 'product' : undefined;
    case 'Gemm':
      if (number('alpha', 1) !== 1 || number('beta', 1) !== 1 || number('transA', 0))
        return undefined;
      return number('transB', 0) ? 'linear' : 'product';
    case 'Conv': {
      const [, , height, width] = shape;
      const [padding = 0] = numbers(attributes, 'pads');
      const isPlain = number('group', 1) === 1 && all('strides', 1) && all('dilations', 1);
      return isPlain && shape.length === 4 && height === width && all('pads', padding)
        ? 'convolution'
        : undefined;
    }
    default:
      return undefined;
  }
}

function numbers(attributes: Attributes, name: string): readonly number[] {
  const attribute = attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : [];
}
