import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Checkpoint, openCheckpoint, type StateDict } from '../checkpoint/checkpoint.js';
import type { StoredTensor } from '../checkpoint/stored-tensor.js';
import type { Provider } from '../core/device.js';
import { OperatorError } from '../core/errors.js';
import type { Architecture, Precision } from '../core/model.js';
import { readTensor } from '../core/tensor-shapes.js';
import type { ExternalTensor } from '../onnx/float-tensor.js';
import { toHalfPrecision } from '../onnx/half-precision.js';
import type { ModelProto, TensorProto } from '../onnx/proto.js';
import { quantize } from '../onnx/quantize.js';
import { writeModel } from '../onnx/write-model.js';
import { VIT, type VitVariant } from '../sam/architecture.js';
import { buildVit } from '../sam/encoder/vit.js';
import { recogniseVit, vitParameters } from '../sam/encoder/vit-parameters.js';
import { decoderWeights } from '../sam/weights/state-dict.js';
import type { Weights } from '../sam/weights/weights.js';
import type { ExternalNetwork } from './session.js';

/** Providers whose attention kernel never holds all scores of a head. */
const FUSED_ATTENTION: readonly Provider[] = ['cpu', 'cuda'];

/** Operators that add up many numbers: 16 bits are too few for the sums. */
const IN_32_BITS = new Set(['LayerNormalization', 'Softmax', 'Resize']);

/** Products of fewer channels are not worth their conversion to 8 bits. */
const LEAST_CHANNELS = 64;

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
  return withCheckpoint(path, ({ tensors }) => {
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
  return withCheckpoint(path, ({ tensors }) => decoderWeights(tensors));
}

/**
 * A checkpoint's image encoder, in the numbers that suit the provider: 32 bits (or 8, by `precision`) on a CPU and 16
 * bits on a GPU. The graph refers to the weights in the checkpoint, which the runtime maps into memory.
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
  // The runtime refuses weights behind a symbolic link, which the checkpoint may be.
  const real = realpathSync(path);
  return {
    folder: dirname(real),
    graphFor: (provider) =>
      withCheckpoint(real, ({ tensors }) => {
        const kind = FUSED_ATTENTION.includes(provider) ? 'fused' : 'by-head';
        if (precision === 'int8') return writeModel(inWholeNumbers(variant, tensors));
        const model = buildVit(variant, tensors, kind);
        return writeModel(provider === 'cpu' ? model : toHalfPrecision(model, IN_32_BITS));
      }),
  };
}

/** The encoder with its large products in 8 bits. Memory holds one 32-bit weight at a time. */
function inWholeNumbers(variant: VitVariant, tensors: StateDict): ModelProto {
  const parameters = new Map<string, ExternalTensor>();
  for (const [name, { shape, external }] of tensors) {
    parameters.set(name, { type: 'float', shape, external });
  }
  const model = buildVit(variant, parameters, 'fused');
  const initializers = model.graph.initializers.map((tensor) => {
    const stored = tensor.external && tensors.get(tensor.name);
    return stored ? new LazyInitializer(tensor.name, stored) : tensor;
  });
  return quantize({ ...model, graph: { ...model.graph, initializers } }, LEAST_CHANNELS);
}

/** A weight that is read at each access to its data. */
class LazyInitializer implements TensorProto {
  readonly type = 'float';
  readonly name: string;
  readonly shape: readonly number[];
  readonly #stored: StoredTensor;

  constructor(name: string, stored: StoredTensor) {
    this.name = name;
    this.shape = stored.shape;
    this.#stored = stored;
  }

  get data(): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.#stored.read();
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
}

function withCheckpoint<T>(path: string, use: (checkpoint: Checkpoint) => T): T {
  const checkpoint = openCheckpoint(path);
  try {
    return use(checkpoint);
  } catch (cause) {
    if (!(cause instanceof OperatorError)) throw cause;
    throw new OperatorError(`${path} is no SAM that can be served: ${cause.message}`, { cause });
  } finally {
    checkpoint.close();
  }
}
