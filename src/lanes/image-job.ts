import { Piscina } from 'piscina';
import type { Provider } from '../core/device.js';
import type { ImageSize } from '../core/image.js';
import type { ModelManifest } from '../core/model.js';
import type { CutoutTask, OverlayTask, Timings } from '../core/ports.js';
import type { Box } from '../core/prompt.js';
import { cropImage } from '../image/crop.js';
import { cutOut as cutObject } from '../image/cutout.js';
import { type DecodeLimits, decodeImage } from '../image/decode.js';
import { drawOverlay } from '../image/overlay.js';
import { preprocess } from '../image/preprocess.js';
import { type Outcome, settle } from './outcome.js';
import { stepBack } from './priority.js';

/** What a worker that looks at images is given when it starts. */
export interface ImageSettings {
  /** By name. */
  readonly models: Readonly<Record<string, { readonly manifest: ModelManifest }>>;
  readonly image: DecodeLimits;
}

/** An image for a model, or a part of it. */
export interface PrepareTask {
  readonly model: string;
  readonly image: Uint8Array;
  readonly crop?: Box;
}

/** An image as the network takes it, and what became of its file. */
export interface Prepared {
  readonly model: string;
  readonly image: ImageSize;
  /** [3,S,S] */
  readonly input: Float32Array<ArrayBuffer>;
  readonly timings: Timings;
}

const settings = Piscina.workerData as ImageSettings;
stepBack();

/** There is no network here. */
export async function load(): Promise<Outcome<Provider>> {
  return { value: 'cpu' };
}

export async function warmUp(): Promise<Outcome<void>> {
  return { value: undefined };
}

/** Bytes of image files -> oriented pixels -> model input. */
export async function prepare(tasks: readonly PrepareTask[]): Promise<Outcome<Prepared>[]> {
  const outcomes: Outcome<Prepared>[] = [];
  for (const task of tasks) outcomes.push(await settle(() => prepareOne(task)));
  const inputs = outcomes.flatMap((each) => ('value' in each ? [each.value.input.buffer] : []));
  return moved(outcomes, inputs);
}

async function prepareOne({ model, image: file, crop }: PrepareTask): Promise<Prepared> {
  const { manifest } = settings.models[model] ?? {};
  if (!manifest) throw new Error(`there is no model "${model}"`);
  const start = performance.now();
  const whole = await decodeImage(file, settings.image);
  const image = crop ? cropImage(whole, crop) : whole;
  const decoded = performance.now();
  const input = preprocess(image, manifest);
  const timings = { decode_ms: decoded - start, preprocess_ms: performance.now() - decoded };
  return { model, image: { width: image.width, height: image.height }, input, timings };
}

/** Photographs with masks and prompts drawn on them, as PNG. */
export function overlay(tasks: readonly OverlayTask[]): Promise<Outcome<Uint8Array>[]> {
  return Promise.all(
    tasks.map(({ image, masks, prompts }) =>
      settle(async () => drawOverlay(await decodeImage(image, settings.image), masks, prompts)),
    ),
  );
}

/** For each photograph its objects on transparent ground, as PNG. */
export function cutOut(tasks: readonly CutoutTask[]): Promise<Outcome<Uint8Array[]>[]> {
  return Promise.all(tasks.map((task) => settle(() => cutObjects(task))));
}

async function cutObjects({ image, masks }: CutoutTask): Promise<Uint8Array[]> {
  const photograph = await decodeImage(image, settings.image);
  const pictures: Uint8Array[] = [];
  // One after the other: each takes four bytes a pixel while it is made.
  for (const counts of masks) pictures.push(await cutObject(photograph, counts));
  return pictures;
}

/** An answer whose `buffers` leave this thread with it instead of being copied. */
function moved<T>(answer: T, buffers: readonly ArrayBuffer[]): T {
  const movable = { [Piscina.transferableSymbol]: buffers, [Piscina.valueSymbol]: answer };
  return Piscina.move(movable as never) as T;
}
