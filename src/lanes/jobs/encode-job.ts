import { Piscina } from 'piscina';
import type { Provider } from '../../core/device.js';
import { IMAGE_EMBEDDINGS } from '../../core/embedding.js';
import type { ModelManifest, Precision } from '../../core/model.js';
import { onceEach } from '../../core/once-each.js';
import type { Encoded } from '../../core/ports.js';
import {
  BYTES_PER_ELEMENT,
  concat,
  type Dtype,
  type Tensor,
  writeFloats,
} from '../../core/tensor.js';
import { encoderNetwork, ImageEncoder } from '../../engine/image-encoder.js';
import type { SessionOptions } from '../../engine/session.js';
import type { Prepared } from './image-job.js';
import { type Outcome, settle } from './outcome.js';
import { lowerPriority } from './priority.js';

/** A model of the encode lane. */
interface EncoderModel {
  readonly manifest: ModelManifest;
  readonly encoderPath: string;
}

/** What a worker that runs image encoders is given when it starts. */
export interface EncodeSettings {
  /** By name. */
  readonly models: Readonly<Record<string, EncoderModel>>;
  readonly session: SessionOptions;
  readonly precision: Precision;
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

function modelOf(name: string): EncoderModel {
  const model = settings.models[name];
  if (!model) throw new Error(`there is no model "${name}"`);
  return model;
}

export function load(model: string): Promise<Outcome<Provider>> {
  return settle(async () => (await open(model)).provider);
}

export function warmUp(model: string): Promise<Outcome<void>> {
  return settle(async () => {
    const { image_size } = modelOf(model).manifest;
    await (await open(model)).run(new Float32Array(3 * image_size * image_size));
  });
}

/** Model inputs -> embeddings, of one model and in one run. */
export async function encode(images: readonly Prepared[]): Promise<Outcome<Encoded>[]> {
  const start = performance.now();
  const embeddings = await settle(() => embed(images));
  const encode_ms = performance.now() - start;
  return images.map(({ image, timings }, i) => {
    if (!('value' in embeddings)) return embeddings;
    const tensors = { [IMAGE_EMBEDDINGS]: embeddings.value[i] as Tensor };
    return { value: { image, tensors, timings: { ...timings, encode_ms } } };
  });
}

/** One run of the network for all images; each gets a [1,256,64,64] tensor of its own. */
async function embed(images: readonly Prepared[]): Promise<Tensor[]> {
  const [first] = images as [Prepared];
  const input = images.length === 1 ? first.input : concat(images.map((image) => image.input));
  const { data, shape } = await (await open(first.model)).run(input);
  const { dtype } = settings;
  const length = data.length / images.length;
  return images.map((_, i) => {
    // Shared memory: the store and every decode worker read the same bytes, and none copies them.
    const buffer = new SharedArrayBuffer(length * BYTES_PER_ELEMENT[dtype]);
    const floats = data.subarray(i * length, (i + 1) * length);
    return { dtype, shape: [1, ...shape.slice(1)], bytes: writeFloats(floats, dtype, buffer) };
  });
}
