import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { StateDict } from '../checkpoint/checkpoint.js';
import type { StoredTensor } from '../checkpoint/stored-tensor.js';
import type { Provider } from '../core/device.js';
import type { PrecisionChoice } from '../core/family/model.js';
import type { ExternalTensor } from '../onnx/float-tensor.js';
import type { Parameters } from '../onnx/graph-draft.js';
import { SUMS, toHalfPrecision } from '../onnx/precision/half-precision.js';
import { quantize } from '../onnx/precision/quantize.js';
import type { ModelProto, TensorProto } from '../onnx/proto.js';
import { writeModel } from '../onnx/write-model.js';
import type { GraphNetwork } from './session.js';

/** Providers whose attention kernel never holds all scores of a head. */
const FUSED_ATTENTION: readonly Provider[] = ['cpu', 'cuda'];

/** Products of fewer channels are not worth their conversion to 8 bits. */
const LEAST_CHANNELS = 64;

/** A network whose weights stay in a checkpoint. */
export interface NetworkRecipe {
  /** Of the checkpoint. */
  readonly path: string;
  readonly precision: PrecisionChoice;
  /** Nodes that compute in 32 bits, whatever the others do. */
  readonly exact?: readonly string[];
  /** Opens the checkpoint for as long as a graph is made of it. */
  readonly withTensors: <T>(path: string, use: (tensors: StateDict) => T) => T;
  readonly build: (parameters: Parameters, attention: 'fused' | 'by-head') => ModelProto;
  /** Puts in front of the network what its input goes through first, whatever its numbers. */
  readonly prepare?: (model: ModelProto) => ModelProto;
}

/** A network whose graph refers to the weights in the checkpoint, which the runtime maps into memory. */
export function externalNetwork(recipe: NetworkRecipe): GraphNetwork {
  const { path, precision, exact = [], withTensors, build, prepare = asItIs } = recipe;
  // The runtime refuses weights behind a symbolic link, which the checkpoint may be.
  const real = realpathSync(path);
  return {
    folder: dirname(real),
    precision,
    graphFor: (provider, precision) =>
      withTensors(real, (tensors) => {
        const attention = FUSED_ATTENTION.includes(provider) ? 'fused' : 'by-head';
        if (precision === 'int8') return writeModel(prepare(inWholeNumbers(tensors, build)));
        const model = build(tensors, attention);
        if (precision === 'float32') return writeModel(prepare(model));
        return writeModel(prepare(toHalfPrecision(model, new Set([...SUMS, ...exact]))));
      }),
  };
}

function asItIs(model: ModelProto): ModelProto {
  return model;
}

/** The network with its large products in 8 bits. Memory holds one 32-bit weight at a time. */
function inWholeNumbers(tensors: StateDict, build: NetworkRecipe['build']): ModelProto {
  const parameters = new Map<string, ExternalTensor>();
  for (const [name, { shape, external }] of tensors) {
    parameters.set(name, { type: 'float', shape, external });
  }
  const model = build(parameters, 'fused');
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
