import { type FloatTensor, floatsOf, transposed } from '../../onnx/float-tensor.js';
import type { GraphProto, NodeProto, TensorProto } from '../../onnx/proto.js';
import { tinyVitParameters } from '../encoder/tiny-vit-parameters.js';
import { pickWeights, readExported } from './exported-model.js';
import type { Weights } from './weights.js';

/**
 * Finds the weights of MobileSAM's image encoder in one that was exported to ONNX. Most are anonymous there, and
 * are recognised by the node that uses them.
 * @param file the ONNX file; where it is aligned, weights are views into it.
 * @returns weights by the names of `tinyVitParameters`.
 * @throws OperatorError when the file is unreadable, or naming the weight that is absent or misshapen.
 */
export function readTinyVitWeights(file: Uint8Array): Weights {
  const found = namedTensors(readExported(file, 'encoder'));
  return pickWeights(found, tinyVitParameters(), 'encoder');
}

/** The graph's tensors by the names of `tinyVitParameters`, those of constant nodes included. */
function namedTensors({ initializers, nodes }: GraphProto): Map<string, FloatTensor> {
  const byFileName = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  const found = new Map<string, FloatTensor>();
  for (const node of nodes) {
    const { value } = node.attributes;
    if (node.op === 'Constant' && value?.kind === 'tensor') {
      byFileName.set(node.outputs[0] ?? '', value.value);
    }
    for (const [at, input] of node.inputs.entries()) {
      const tensor = byFileName.get(input);
      if (tensor?.type !== 'float') continue;
      const value = floatsOf(tensor);
      // Linear layers were exported as products from the left, [in, out].
      const isLinear = node.op === 'MatMul' && value.shape.length === 2;
      found.set(nameOf(tensor, node, at), isLinear ? transposed(value) : value);
    }
  }
  return found;
}

/** What `node` reveals about its input `at`: its name in the state dict. */
function nameOf({ name, shape }: TensorProto, node: NodeProto, at: number): string {
  if (name !== '' && !name.startsWith('onnx::')) return name;
  const path = modulePath(node);
  switch (node.op) {
    case 'Conv':
      return `${path}.${at === 1 ? 'weight' : 'bias'}`;
    case 'MatMul':
    case 'Mul':
      return `${path}.weight`;
    case 'Add':
      return shape.length === 3 && path.endsWith('.attn')
        ? `${path}.attention_biases`
        : `${path}.bias`;
    default:
      return '';
  }
}

/**
 * The module a node belongs to: `/layers.1/blocks.0/mlp/fc1/MatMul` is `layers.1.blocks.0.mlp.fc1`. Members of
 * a sequence bear its name twice, and a convolution with its batch normalisation is called `c`:
 * `/patch_embed/seq/seq.0/c/Conv` is `patch_embed.seq.0`.
 */
function modulePath({ name }: NodeProto): string {
  const modules = name
    .split('/')
    .slice(1, -1)
    .filter((module) => module !== 'c');
  return modules.filter((module, i) => !modules[i + 1]?.startsWith(`${module}.`)).join('.');
}
