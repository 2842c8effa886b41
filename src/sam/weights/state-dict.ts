import type { Family } from '../../core/family/family.js';
import { checkShapes, type LazyTensor, readTensor } from '../../core/tensors/tensor-shapes.js';
import { type FloatTensor, transposed } from '../../onnx/float-tensor.js';
import { decoderParameters } from '../decoder/decoder-parameters.js';
import { familyOfWeights, type Weights } from './weights.js';

/** Linear layers, whose weights PyTorch keeps as [out, in] and the decoder wants as [in, out]. */
export const LINEAR = /(_proj|lin\d|layers\.\d+)\.weight$/;

/**
 * The weights of the prompt encoder and mask decoder from a state dict.
 * @throws OperatorError naming the first tensor that is missing, misshapen, or not finite.
 */
export function decoderWeights(
  tensors: ReadonlyMap<string, LazyTensor>,
  family: Family = familyOfWeights(tensors),
): Weights {
  const expected = [...decoderParameters(family)].map(
    ([name, shape]) => [name, LINEAR.test(name) ? [...shape].reverse() : shape] as const,
  );
  checkShapes(tensors, new Map(expected));
  const weights = new Map<string, FloatTensor>();
  for (const [name, shape] of expected) {
    const tensor = { shape, data: readTensor(tensors, name) };
    weights.set(name, LINEAR.test(name) ? transposed(tensor) : tensor);
  }
  return weights;
}

/** The same weights as PyTorch has them: those of linear layers are [out, in]. */
export function toStateDict(weights: Weights): Map<string, FloatTensor> {
  return new Map(
    [...weights].map(([name, tensor]) => [name, LINEAR.test(name) ? transposed(tensor) : tensor]),
  );
}
