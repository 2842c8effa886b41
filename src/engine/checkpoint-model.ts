import { isDeepStrictEqual } from 'node:util';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.js';
import type { Provider } from '../core/device.js';
import { StartupError } from '../core/errors.js';
import type { Architecture } from '../core/model.js';
import { toHalfPrecision } from '../onnx/half-precision.js';
import { writeModel } from '../onnx/write-model.js';
import { type ImageEncoderVariant, VIT } from '../sam/architecture.js';
import { encoderParameters, recogniseImageEncoder } from '../sam/encoder-parameters.js';
import { buildImageEncoder } from '../sam/image-encoder.js';
import { decoderWeights, readTensor } from '../sam/state-dict.js';
import type { Weights } from '../sam/weights.js';
import type { ExternalNetwork } from './session.js';

/** Providers with a kernel for attention that never holds all scores of a head. */
const FUSED_ATTENTION: readonly Provider[] = ['cpu', 'cuda'];

/** Sums over many numbers, which 16 bits are too few for. */
const IN_32_BITS = new Set(['LayerNormalization', 'Softmax', 'Resize']);

/** What a checkpoint was found to be. */
export interface CheckpointModel {
  readonly architecture: Exclude<Architecture, 'mobile_sam'>;
  readonly variant: ImageEncoderVariant;
}

/**
 * Recognises the model in a checkpoint and reads every one of its tensors once.
 * @throws StartupError naming the first tensor that is missing, misshapen or not finite.
 */
export function inspectCheckpoint(path: string): CheckpointModel {
  return withCheckpoint(path, ({ tensors }) => {
    const variant = recogniseImageEncoder(tensors);
    decoderWeights(tensors);
    for (const name of encoderParameters(variant).keys()) readTensor(tensors, name);
    const names = Object.keys(VIT) as (keyof typeof VIT)[];
    const published = names.find((name) => isDeepStrictEqual(VIT[name], variant));
    return { architecture: published ?? 'sam_vit', variant };
  });
}

/** The weights of a checkpoint's prompt encoder and mask decoder. @throws StartupError as above */
export function checkpointDecoder(path: string): Weights {
  return withCheckpoint(path, ({ tensors }) => decoderWeights(tensors));
}

/**
 * A checkpoint's image encoder, for each provider as it likes it: in 32 bits on a CPU, in 16 on a GPU.
 * The graph refers to the weights in the checkpoint, which the runtime maps into memory.
 * @throws StartupError when the checkpoint is not of this architecture, or as above
 */
export function checkpointEncoder(path: string, architecture: Architecture): ExternalNetwork {
  const found = inspectCheckpoint(path);
  if (architecture !== found.architecture) {
    throw new StartupError(`${path} is ${found.architecture}, its manifest says ${architecture}`);
  }
  return withCheckpoint(path, ({ folder, tensors }) => ({
    folder,
    graphFor: (provider) => {
      const kind = FUSED_ATTENTION.includes(provider) ? 'fused' : 'by-head';
      const model = buildImageEncoder(found.variant, tensors, kind);
      return writeModel(provider === 'cpu' ? model : toHalfPrecision(model, IN_32_BITS));
    },
  }));
}

function withCheckpoint<T>(path: string, use: (checkpoint: Checkpoint) => T): T {
  const checkpoint = openCheckpoint(path);
  try {
    return use(checkpoint);
  } catch (cause) {
    if (!(cause instanceof StartupError)) throw cause;
    throw new StartupError(`${path} is no SAM that can be served: ${cause.message}`, { cause });
  } finally {
    checkpoint.close();
  }
}
