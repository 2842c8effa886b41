import { Piscina } from 'piscina';
import type { Provider } from '../core/device.js';
import type { ImageSize } from '../core/image.js';
import type { ModelManifest } from '../core/model.js';
import type { CutoutTask, Encoded, OverlayTask, Timings } from '../core/ports.js';
import type { Box } from '../core/prompt.js';
import { BYTES_PER_ELEMENT, type Dtype, type Tensor, writeFloats } from '../core/tensor.js';
import { encoderNetwork, ImageEncoder } from '../engine/image-encoder.js';
import type { SessionOptions } from '../engine/session.js';
import { cropImage } from '../image/crop.js';
import { cutOut as cutObject } from '../image/cutout.js';
import { decodeImage } from '../image/decode.js';
import { drawOverlay } from '../image/overlay.js';
import { preprocess } from '../image/preprocess.js';
import { type Outcome, settle } from './outcome.js';
import { stepBack } from './priority.js';

/** A model of the encode lane. */
export interface EncoderModel {
  readonly manifest: ModelManifest;
  readonly encoderPath: string;
}

/** An image for a model, or a part of it. */
export interface EncodeTask {
  readonly model: string;
  readonly image: Uint8Array;
  readonly crop?: Box;
}

/** What a worker of the encode lane is given when it starts. */
export interface EncodeSettings {
  /** By name. */
  readonly models: Readonly<Record<string, EncoderModel>>;
  readonly session: SessionOptions;
  readonly maxPixels: number;
  /** The number format embeddings are kept in. */
  readonly dtype: Dtype;
}

const settings = Piscina.workerData as EncodeSettings;
const encoders = new Map<string, Promise<ImageEncoder>>();

/** The worker's session for a model; a worker that replaces a dead one opens it with its first task. */
function open(model: string): Promise<ImageEncoder> {
  const known = encoders.get(model);
  if (known) return known;
  if (encoders.size === 0) stepBack();
  const opened = openEncoder(modelOf(model));
  encoders.set(model, opened);
  // What failed is tried again by the next task.
  opened.catch(() => encoders.delete(model));
  return opened;
}

async function openEncoder({ manifest, encoderPath }: EncoderModel): Promise<ImageEncoder> {
  const network = encoderNetwork(manifest, encoderPath);
  return ImageEncoder.open(network, manifest.image_size, settings.session);
}

function modelOf(name: string): EncoderModel {
  const model = settings.models[name];
  if (!model) throw new Error(`there is no model "${name}"`);
  return model;
}

export function warmUp(model: string): Promise<Outcome<Provider>> {
  return settle(async () => {
    const { image_size } = modelOf(model).manifest;
    const network = await open(model);
    await network.run(new Float32Array(3 * image_size * image_size));
    return network.provider;
  });
}

/** An image that the network can take, and what became of its file. */
interface Prepared {
  readonly image: ImageSize;
  readonly input: Float32Array;
  readonly timings: Timings;
}

/** Bytes of image files -> oriented pixels -> model input -> embeddings, of one model and in one run. */
export async function encode(tasks: readonly EncodeTask[]): Promise<Outcome<Encoded>[]> {
  const [{ model }] = tasks as [EncodeTask];
  const prepared: Outcome<Prepared>[] = [];
  for (const task of tasks) prepared.push(await settle(() => prepare(task)));
  const start = performance.now();
  const ready = prepared.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
  const embeddings = await settle(() => embed(model, ready));
  const encode_ms = performance.now() - start;
  return prepared.map((outcome) => {
    if (!('value' in outcome)) return outcome;
    if (!('value' in embeddings)) return embeddings;
    const { image, timings } = outcome.value;
    const tensor = embeddings.value[ready.indexOf(outcome.value)] as Tensor;
    return { value: { image, tensor, timings: { ...timings, encode_ms } } };
  });
}

async function prepare({ model, image: file, crop }: EncodeTask): Promise<Prepared> {
  const start = performance.now();
  const whole = await decodeImage(file, settings);
  const image = crop ? cropImage(whole, crop) : whole;
  const decoded = performance.now();
  const input = preprocess(image, modelOf(model).manifest);
  const timings = { decode_ms: decoded - start, preprocess_ms: performance.now() - decoded };
  return { image: { width: image.width, height: image.height }, input, timings };
}

/** One run of the network for all images; each gets a [1,256,64,64] tensor of its own. */
async function embed(model: string, images: readonly Prepared[]): Promise<Tensor[]> {
  const [first] = images;
  if (!first) return [];
  const input = images.length === 1 ? first.input : joined(images.map((image) => image.input));
  const { data, shape } = await (await open(model)).run(input);
  const { dtype } = settings;
  const length = data.length / images.length;
  return images.map((_, i) => {
    // Shared memory: the store and every decode worker read the same bytes, and none copies them.
    const buffer = new SharedArrayBuffer(length * BYTES_PER_ELEMENT[dtype]);
    const floats = data.subarray(i * length, (i + 1) * length);
    return { dtype, shape: [1, ...shape.slice(1)], bytes: writeFloats(floats, dtype, buffer) };
  });
}

/** Arrays of one length, one after the other. */
function joined(parts: readonly Float32Array[]): Float32Array {
  const length = parts[0]?.length ?? 0;
  const whole = new Float32Array(parts.length * length);
  for (const [i, part] of parts.entries()) whole.set(part, i * length);
  return whole;
}

/** Photographs with masks and prompts drawn on them, as PNG. */
export function overlay(tasks: readonly OverlayTask[]): Promise<Outcome<Uint8Array>[]> {
  return Promise.all(
    tasks.map(({ image, masks, prompts }) =>
      settle(async () => drawOverlay(await decodeImage(image, settings), masks, prompts)),
    ),
  );
}

/** For each photograph its objects on transparent ground, as PNG. */
export function cutOut(tasks: readonly CutoutTask[]): Promise<Outcome<Uint8Array[]>[]> {
  return Promise.all(tasks.map((task) => settle(() => cutObjects(task))));
}

async function cutObjects({ image, masks }: CutoutTask): Promise<Uint8Array[]> {
  const photograph = await decodeImage(image, settings);
  const pictures: Uint8Array[] = [];
  // One after the other: each takes four bytes a pixel while it is made.
  for (const counts of masks) pictures.push(await cutObject(photograph, counts));
  return pictures;
}
