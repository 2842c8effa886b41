import { isDeepStrictEqual } from 'node:util';
import { openCheckpoint, type StateDict } from '../checkpoint/checkpoint.js';
import { OperatorError } from '../core/errors.js';
import {
  type CheckpointArchitecture,
  familyOf,
  type HieraConfig,
  type ModelCard,
  type ModelCheckpoint,
  type PrecisionChoice,
} from '../core/family/model.js';
import { readTensor } from '../core/tensors/tensor-shapes.js';
import type { ModelProto } from '../onnx/proto.js';
import { HIERA, type HieraVariant, VIT, type VitVariant } from '../sam/architecture.js';
import { decoderParameters } from '../sam/decoder/decoder-parameters.js';
import {
  BACKGROUND,
  hieraParameters,
  isSam2,
  recogniseHiera,
} from '../sam/encoder/hiera/hiera-parameters.js';
import { buildSam2Encoder } from '../sam/encoder/hiera/sam2-encoder.js';
import { buildVit } from '../sam/encoder/vit.js';
import { recogniseVit, vitParameters } from '../sam/encoder/vit-parameters.js';
import { decoderWeights } from '../sam/weights/state-dict.js';
import { isForVideos } from '../sam/weights/video-weights.js';
import type { Weights } from '../sam/weights/weights.js';
import { externalNetwork } from './external-network.js';
import type { GraphNetwork } from './session.js';

/** What a checkpoint was found to be. */
export interface CheckpointModel {
  readonly architecture: CheckpointArchitecture;
  readonly variant: VitVariant | HieraVariant;
}

/**
 * Recognises the model in a checkpoint and reads every one of its tensors once.
 * @param config of a SAM 2 whose sizes nobody published.
 * @throws OperatorError naming the first tensor that is missing, misshapen, not finite or, in a SAM 2, unknown.
 */
export function inspectCheckpoint(path: string, config?: HieraConfig): CheckpointModel {
  return withTensors(path, (tensors) => {
    const { architecture, variant, parameters } = recognise(tensors, config);
    decoderWeights(tensors, familyOf(architecture));
    for (const name of parameters) readTensor(tensors, name);
    return { architecture, variant };
  });
}

/** The weights of a checkpoint's prompt encoder and mask decoder. @throws OperatorError as above */
export function checkpointDecoder(path: string): Weights {
  return withTensors(path, (tensors) => decoderWeights(tensors));
}

/**
 * A checkpoint's image encoder.
 * @param prepare puts in front of it what its input goes through first.
 * @throws OperatorError when the checkpoint is not of this architecture, or as above
 */
export function checkpointEncoder(
  path: string,
  { architecture, hiera }: Pick<ModelCard & ModelCheckpoint, 'architecture' | 'hiera'>,
  precision: PrecisionChoice,
  prepare?: (model: ModelProto) => ModelProto,
): GraphNetwork {
  const found = inspectCheckpoint(path, hiera);
  if (architecture !== found.architecture) {
    throw new OperatorError(`${path} is ${found.architecture}, its manifest says ${architecture}`);
  }
  const { variant } = found;
  return externalNetwork({
    ...{ path, precision, withTensors },
    ...(prepare && { prepare }),
    build: (parameters, attention) =>
      'stages' in variant
        ? buildSam2Encoder(variant, parameters, attention)
        : buildVit(variant, parameters, attention),
  });
}

/** Beginnings of the names of weights that find things by text. */
const DETECTOR = /^owl(v2|vit)\./;

/** What an encoder is by its tensors, and the names of those. */
interface Recognised extends CheckpointModel {
  readonly parameters: readonly string[];
}

function recognise(tensors: StateDict, config: HieraConfig | undefined): Recognised {
  if (isSam2(tensors)) {
    const variant = recogniseHiera(tensors, config);
    const parameters = [...hieraParameters(variant).keys(), BACKGROUND];
    refuseUnknown(tensors, [...parameters, ...decoderParameters('sam2').keys()]);
    return { architecture: nameOf(HIERA, variant) ?? 'sam2_hiera', variant, parameters };
  }
  if ([...tensors.keys()].some((name) => DETECTOR.test(name))) {
    throw new OperatorError(
      'it is of a detector: import the folder it is in, with all of its files',
    );
  }
  const variant = recogniseVit(tensors);
  const parameters = [...vitParameters(variant).keys()];
  return { architecture: nameOf(VIT, variant) ?? 'sam_vit', variant, parameters };
}

/** The published model of these sizes. */
function nameOf<K extends string>(published: Record<K, unknown>, variant: unknown): K | undefined {
  const names = Object.keys(published) as K[];
  return names.find((name) => isDeepStrictEqual(published[name], variant));
}

/** @throws OperatorError naming a tensor that neither image nor video takes: it might have changed what is computed. */
function refuseUnknown(tensors: StateDict, known: readonly string[]): void {
  const names = new Set(known);
  for (const name of tensors.keys()) {
    if (!names.has(name) && !isForVideos(name)) {
      throw new OperatorError(`the tensor "${name}" is none of SAM 2's`);
    }
  }
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
