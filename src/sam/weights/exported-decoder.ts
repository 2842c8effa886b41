import { type FloatTensor, floatsOf, transposed } from '../../onnx/float-tensor.js';
import type { GraphProto, NodeProto, TensorProto } from '../../onnx/proto.js';
import { decoderParameters } from '../decoder/decoder-parameters.js';
import { pickWeights, readExported } from './exported-model.js';
import type { Weights } from './weights.js';

/**
 * Finds the weights of the prompt encoder and mask decoder in a decoder that was exported to ONNX by
 * segment-anything's `export_onnx_model.py`. The exporter folds some weights into anonymous
 * constants, which are recognised by the node that uses them.
 * @param file the ONNX file; where it is aligned, weights are views into it.
 * @returns weights by the names of `decoderParameters`.
 * @throws OperatorError when the file is unreadable, or naming the weight that is absent or misshapen.
 */
export function readDecoderWeights(file: Uint8Array): Weights {
  const found = namedTensors(readExported(file, 'decoder'));
  return pickWeights(found, decoderParameters(), 'decoder');
}

/** The graph's tensors by state-dict name, linear weights as [in, out]. */
function namedTensors({ initializers, nodes }: GraphProto): Map<string, FloatTensor> {
  const byFileName = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  const found = new Map<string, FloatTensor>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const tensor = byFileName.get(input);
      if (tensor?.type !== 'float') continue;
      for (const [name, value] of identify(tensor, node)) found.set(name, value);
    }
  }
  return found;
}

/** What `node` reveals about one of its weights: its name in the state dict. */
function identify(tensor: TensorProto, node: NodeProto): [name: string, value: FloatTensor][] {
  const value = floatsOf(tensor);
  if (!tensor.name.startsWith('onnx::')) {
    // The exported module holds the decoder itself, and the prompt encoder as part of the whole model.
    return [
      [tensor.name.replace(/^model\./, ''), isOutByIn(tensor, node) ? transposed(value) : value],
    ];
  }
  switch (node.op) {
    case 'Expand':
      return splitTokens(value);
    case 'MatMul':
      return [[`${modulePath(node)}.weight`, value]];
    case 'Mul':
      // The only scale outside of any module is "no mask", times one minus has_mask_input.
      return [
        [
          modulePath(node) ? `${modulePath(node)}.weight` : 'prompt_encoder.no_mask_embed.weight',
          value,
        ],
      ];
    case 'Add':
      return [[`${modulePath(node)}.bias`, value]];
    default:
      return [];
  }
}

/** The MLPs on top of the tokens are exported as Gemm, with PyTorch's [out, in]. */
function isOutByIn(tensor: TensorProto, { op, inputs, attributes }: NodeProto): boolean {
  const { transB } = attributes;
  return op === 'Gemm' && inputs[1] === tensor.name && transB?.value === 1;
}

/** The tokens that precede those of the prompt, [1, 1 + masks, dim]: the IoU token, then the mask tokens. */
function splitTokens({ shape, data }: FloatTensor): [name: string, value: FloatTensor][] {
  const [, tokens = 0, dim = 0] = shape;
  return [
    ['mask_decoder.iou_token.weight', { shape: [1, dim], data: data.subarray(0, dim) }],
    ['mask_decoder.mask_tokens.weight', { shape: [tokens - 1, dim], data: data.subarray(dim) }],
  ];
}

/**
 * The module a node belongs to: `/transformer/layers.0/self_attn/q_proj/MatMul` is
 * `mask_decoder.transformer.layers.0.self_attn.q_proj`. Members of a sequence bear its name twice:
 * `/mask_downscaling/mask_downscaling.1/Mul` is `prompt_encoder.mask_downscaling.1`.
 */
function modulePath({ name }: NodeProto): string {
  const modules = name.split('/').slice(1, -1);
  if (modules.length === 0) return '';
  const path = modules.filter((module, i) => !modules[i + 1]?.startsWith(`${module}.`)).join('.');
  return path.startsWith('mask_downscaling') ? `prompt_encoder.${path}` : `mask_decoder.${path}`;
}
