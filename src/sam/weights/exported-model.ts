import { OperatorError } from '../../core/errors.js';
import type { FloatTensor } from '../../onnx/float-tensor.js';
import type { GraphProto } from '../../onnx/proto.js';
import { readModel } from '../../onnx/read-model.js';
import type { Weights } from './weights.js';

/**
 * The graph of an exported ONNX file.
 * @param network what it is called in errors.
 * @throws OperatorError when the file is unreadable
 */
export function readExported(file: Uint8Array, network: string): GraphProto {
  try {
    return readModel(file).graph;
  } catch (cause) {
    throw new OperatorError(`the ${network} model is ${(cause as Error).message}`, { cause });
  }
}

/**
 * The weights a network needs, among those that were found, in the shapes it knows: exporters leave axes of length 1
 * behind, where they broadcast a weight over an image.
 * @throws OperatorError naming the weight that is absent or misshapen
 */
export function pickWeights(
  found: Weights,
  parameters: ReadonlyMap<string, readonly number[]>,
  network: string,
): Weights {
  const weights = new Map<string, FloatTensor>();
  for (const [name, shape] of parameters) {
    const tensor = found.get(name);
    if (!tensor) throw new OperatorError(`the ${network} model lacks the tensor "${name}"`);
    if (squeezed(tensor.shape) !== squeezed(shape)) {
      throw new OperatorError(
        `the ${network} model's tensor "${name}" is [${tensor.shape}], expected [${shape}]`,
      );
    }
    weights.set(name, { shape, data: tensor.data });
  }
  return weights;
}

/** A shape without its axes of length 1, as text. */
function squeezed(shape: readonly number[]): string {
  return shape.filter((length) => length !== 1).join();
}
