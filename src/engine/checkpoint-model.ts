import { isDeepStrictEqual } from 'node:util';
import { openCheckpoint, type StateDict } from '../checkpoint/checkpoint.js';
import { OperatorError } from '../core/errors.js';
import type { Architecture, Precision } from '../core/model.js';
import { readTensor } from '../core/tensor-shapes.js';
import { VIT, type VitVariant } from '../sam/architecture.js';
import { buildVit } from '../sam/encoder/vit.js';
import { recogniseVit, vitParameters } from '../sam/encoder/vit-parameters.js';
import { decoderWeights } from '../sam/weights/state-dict.js';
import type { Weights } from '../sam/weights/weights.js';
import { externalNetwork } from './external-network.js';
import type { ExternalNetwork } from './session.js';

/** What a checkpoint was found to be. */
export interface CheckpointModel {
  readonly architecture: Exclude<Architecture, 'mobile_sam'>;
  readonly variant: VitVariant;
}

/**
 * Recognises the model in a checkpoint and reads every one of its tensors once.
 * @throws OperatorError naming the first tensor that is missing, misshapen or not finite.
 */
export function inspectCheckpoint(path: string): CheckpointModel {
  return withTensors(path, (tensors) => {
    const variant = recogniseVit(tensors);
    decoderWeights(tensors);
    for (const name of vitParameters(variant).keys()) readTensor(tensors, name);
    const names = Object.keys(VIT) as (keyof typeof VIT)[];
    const published = names.find((name) => isDeepStrictEqual(VIT[name], variant));
    return { architecture: published ?? 'sam_vit', variant };
  });
}

/** The weights of a checkpoint's prompt encoder and mask decoder. @throws OperatorError as above */
export function checkpointDecoder(path: string): Weights {
  return withTensors(path, (tensors) => decoderWeights(tensors));
}

/**
 * A checkpoint's image encoder, in the numbers that suit the provider.
 * @throws OperatorError when the checkpoint is not of this architecture, or as above
 */
export function checkpointEncoder(
  path: string,
  architecture: Architecture,
  precision: Precision,
): ExternalNetwork {
  const found = inspectCheckpoint(path);
  if (architecture !== found.architecture) {
    throw new OperatorError(`${path} is ${found.architecture}, its manifest says ${architecture}`);
  }
  const { variant } = found;
  return externalNetwork({
    path,
    precision,
    withTensors,
    build: (parameters, attention) => buildVit(variant, parameters, attention),
  });
}

function withTensors<T>(path: string, use: (tensors: StateDict) => T): T {
  const checkpoint = openCheckpoint(path);
  try {
    return use(checkpoint.tensors);
  } catch (cause) {
    if (!(cause instanceof OperatorError)) throw cause;
    throw new OperatorError(`${path} is no SAM that can be served: ${cause.message}`, { cause });
  } finally {
    checkpoint.close();
  }
}
