import { openCheckpoint, type StateDict } from '../../checkpoint/checkpoint.js';
import { OperatorError } from '../../core/errors.js';
import type { PrecisionChoice } from '../../core/family/model.js';
import { checkShapes, readTensor } from '../../core/tensors/tensor-shapes.js';
import type { OwlArchitecture } from '../../owl/architecture.js';
import { EXACT_BOXES } from '../../owl/box-head.js';
import { buildImageTower } from '../../owl/image-tower.js';
import { imageParameters, textParameters } from '../../owl/parameters.js';
import { buildTextTower } from '../../owl/text-tower.js';
import { externalNetwork } from '../external-network.js';
import type { GraphNetwork } from '../session.js';

/**
 * Reads every tensor that a detector needs once.
 * @param path of its `model.safetensors`.
 * @throws OperatorError naming the first tensor that is missing, misshapen or not finite
 */
export function inspectDetector(path: string, architecture: OwlArchitecture): void {
  withTensors(path, (tensors) => {
    for (const expected of [textParameters(architecture), imageParameters(architecture)]) {
      checkShapes(tensors, expected);
      for (const name of expected.keys()) readTensor(tensors, name);
    }
  });
}

/**
 * The image tower and its heads.
 * @param imageSize side of the square it sees, in pixels: a multiple of a patch, at most the side it was trained for.
 * @throws OperatorError naming a tensor that does not fit
 */
export function imageTowerNetwork(
  path: string,
  architecture: OwlArchitecture,
  { imageSize, precision }: { imageSize: number; precision: PrecisionChoice },
): GraphNetwork {
  withTensors(path, (tensors) => checkShapes(tensors, imageParameters(architecture)));
  return externalNetwork({
    path,
    precision,
    exact: EXACT_BOXES,
    withTensors,
    build: (parameters, attention) =>
      buildImageTower(architecture, parameters, { imageSize, attention }),
  });
}

/** The text tower: in 32 bits on a CPU, where it is small. @throws OperatorError as above */
export function textTowerNetwork(path: string, architecture: OwlArchitecture): GraphNetwork {
  withTensors(path, (tensors) => checkShapes(tensors, textParameters(architecture)));
  return externalNetwork({
    path,
    precision: 'auto',
    withTensors,
    build: (parameters) => buildTextTower(architecture, parameters),
  });
}

function withTensors<T>(path: string, use: (tensors: StateDict) => T): T {
  const checkpoint = openCheckpoint(path, (tensors) => tensors);
  try {
    return use(checkpoint.tensors);
  } catch (cause) {
    if (!(cause instanceof OperatorError)) throw cause;
    throw new OperatorError(`${path} is no detector that can be served: ${cause.message}`, {
      cause,
    });
  } finally {
    checkpoint.close();
  }
}
