import { Piscina } from 'piscina';
import type { Provider } from '../../core/device.js';
import type { TensorSet } from '../../core/embedding.js';
import {
  frameOf,
  type ModelManifest,
  type Precision,
  type PrecisionChoice,
} from '../../core/family/model.js';
import { collectGarbage } from '../../core/garbage.js';
import type { ModelInput, RgbImage } from '../../core/image.js';
import { onceEach } from '../../core/once-each.js';
import type { Encoded } from '../../core/ports.js';
import {
  BYTES_PER_ELEMENT,
  concat,
  type Dtype,
  type Tensor,
  writeFloats,
} from '../../core/tensors/tensor.js';
import { toFeatures } from '../../detections/features.js';
import { imageTowerNetwork } from '../../engine/detector/checkpoint.js';
import { Detector } from '../../engine/detector/detector.js';
import { type EncoderInput, encoderNetwork, ImageEncoder } from '../../engine/image-encoder.js';
import type { SessionOptions } from '../../engine/session.js';
import type { OwlArchitecture } from '../../owl/architecture.js';
import type { Prepared } from './image-job.js';
import { type Outcome, settle } from './outcome.js';
import { lowerPriority } from './priority.js';

/** A model of the encode lane. */
interface EncoderModel {
  readonly manifest: ModelManifest;
  readonly encoderPath: string;
}

/** A detector of the encode lane. */
export interface DetectorNetwork {
  readonly architecture: OwlArchitecture;
  /** Of its weights. */
  readonly path: string;
  /** Side of the square it sees, in pixels. */
  readonly imageSize: number;
}

/** What a worker that runs image encoders is given when it starts. */
export interface EncodeSettings {
  /** By name. */
  readonly models: Readonly<Record<string, EncoderModel>>;
  /** Detectors whose image towers run here too, by name. */
  readonly detectors: Readonly<Record<string, DetectorNetwork>>;
  readonly session: SessionOptions;
  readonly precision: PrecisionChoice;
  /** The number format embeddings are kept in. */
  readonly dtype: Dtype;
}

const settings = Piscina.workerData as EncodeSettings;

/** The worker's session for a model; a worker that replaces a dead one opens it with its first task. */
const open = onceEach((model: string) => {
  const { manifest, encoderPath } = modelOf(model);
  lowerPriority();
  const network = encoderNetwork(manifest, encoderPath, settings.precision);
  return ImageEncoder.open(network, manifest.image_size, settings.session);
});

/** As `open`, of a detector. */
const openDetector = onceEach((name: string) => {
  const { architecture, path, imageSize } = settings.detectors[name] as DetectorNetwork;
  lowerPriority();
  const { precision, session } = settings;
  const network = imageTowerNetwork(path, architecture, { imageSize, precision });
  return Detector.open(network, imageSize, session);
});

function modelOf(name: string): EncoderModel {
  const model = settings.models[name];
  if (!model) throw new Error(`there is no model "${name}"`);
  return model;
}

/** @param model or a detector. */
export function load(model: string): Promise<Outcome<Provider>> {
  const opened = settings.detectors[model] ? openDetector : open;
  return settle(async () => {
    const { provider } = await opened(model);
    // The file it was made from, and its graph.
    collectGarbage();
    return provider;
  });
}

/** What a model that has been loaded computes in. */
export function precision(model: string): Promise<Outcome<Precision>> {
  return settle(async () => (await open(model)).precision);
}

/**
 * Runs a network once where it is compiled by that. On a CPU it would only take the memory of a run, before there is an
 * image.
 * @param model or a detector.
 */
export function warmUp(model: string): Promise<Outcome<void>> {
  return settle(async () => {
    const detector = settings.detectors[model];
    const { provider } = await (detector ? openDetector : open)(model);
    if (provider === 'cpu') return;
    if (detector) {
      await (await openDetector(model)).run(new Float32Array(3 * detector.imageSize ** 2));
      return;
    }
    const { side, resize } = frameOf(modelOf(model).manifest);
    const length = 3 * side * side;
    const blank = { data: new Uint8Array(length), width: side, height: side };
    await (await open(model)).run(resize === 'longest_side' ? [blank] : new Float32Array(length));
  });
}

/** Model inputs -> embeddings of one model in one run, or of one detector its features. */
export async function encode(images: readonly Prepared[]): Promise<Outcome<Encoded>[]> {
  const [first] = images as [Prepared];
  return settings.detectors[first.model] ? detectEach(images) : encodeAll(images);
}

/** One by one: a picture for a detector is larger than all of SAM's that run together. */
async function detectEach(images: readonly Prepared[]): Promise<Outcome<Encoded>[]> {
  const outcomes: Outcome<Encoded>[] = [];
  for (const { model, image, input, timings } of images) {
    const start = performance.now();
    const detected = await settle(async () => {
      const output = await (await openDetector(model)).run(input as Float32Array);
      const tensors = { ...toFeatures(output, settings.dtype) };
      return { image, tensors, timings: { ...timings, detect_ms: performance.now() - start } };
    });
    outcomes.push(detected);
  }
  return outcomes;
}

async function encodeAll(images: readonly Prepared[]): Promise<Outcome<Encoded>[]> {
  const start = performance.now();
  const embeddings = await settle(() => embed(images));
  const encode_ms = performance.now() - start;
  return images.map(({ image, timings }, i) => {
    if (!('value' in embeddings)) return embeddings;
    const tensors = embeddings.value[i] as TensorSet;
    return { value: { image, tensors, timings: { ...timings, encode_ms } } };
  });
}

/** One run of the network for all images; each gets tensors of its own, [1,...]. */
async function embed(images: readonly Prepared[]): Promise<TensorSet[]> {
  const [first] = images as [Prepared];
  const encoder = await open(first.model);
  const outputs = Object.entries(await encoder.run(together(images.map(({ input }) => input))));
  return images.map((_, i) => {
    const own = outputs.map(([name, { data, shape }]) => {
      const length = data.length / images.length;
      const floats = data.subarray(i * length, (i + 1) * length);
      return [name, shared(floats, [1, ...shape.slice(1)])] as const;
    });
    return Object.fromEntries(own);
  });
}

/** One model's images, which are all of one kind. */
function together(inputs: readonly ModelInput[]): EncoderInput {
  const [first] = inputs;
  if (first && 'data' in first) return inputs as readonly RgbImage[];
  return inputs.length === 1 ? (first as Float32Array) : concat(inputs as readonly Float32Array[]);
}

/** In shared memory: the store and every decode worker read the same bytes, and none copies them. */
function shared(floats: Float32Array, shape: readonly number[]): Tensor {
  const { dtype } = settings;
  const buffer = new SharedArrayBuffer(floats.length * BYTES_PER_ELEMENT[dtype]);
  return { dtype, shape, bytes: writeFloats(floats, dtype, buffer) };
}
