import { OperatorError } from '../../core/errors.js';
import { type FloatTensor, transposed } from '../../onnx/float-tensor.js';
import { decoderParameters } from '../decoder/decoder-parameters.js';
import { checkShapes } from './shapes.js';
import type { Weights } from './weights.js';

/** A tensor that is read when it is needed. */
interface LazyTensor {
  readonly shape: readonly number[];
  /** @throws Error when a number is not finite */
  read(): Float32Array;
}

/** Linear layers, whose weights PyTorch keeps as [out, in] and the decoder wants as [in, out]. */
const LINEAR = /(_proj|lin\d|layers\.\d+)\.weight$/;

/**
 * The weights of the prompt encoder and mask decoder from a state dict.
 * @throws OperatorError naming the first tensor that is missing, misshapen, or not finite.
 */
export function decoderWeights(tensors: ReadonlyMap<string, LazyTensor>): Weights {
  const expected = [...decoderParameters()].map(
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

/** @throws OperatorError naming the tensor when it is missing or not finite. */
export function readTensor(tensors: ReadonlyMap<string, LazyTensor>, name: string): Float32Array {
  const tensor = tensors.get(name);
  if (!tensor) throw new OperatorError(`the tensor "${name}" is missing`);
  try {
    return tensor.read();
  } catch (cause) {
    throw new OperatorError(`the tensor "${name}": ${(cause as Error).message}`, { cause });
  }
}
