import { Piscina } from 'piscina';
import type { Provider } from '../core/device.js';
import type { ModelManifest } from '../core/model.js';
import type { Encoded, OverlayTask } from '../core/ports.js';
import { BYTES_PER_ELEMENT, type Dtype, writeFloats } from '../core/tensor.js';
import { ImageEncoder } from '../engine/image-encoder.js';
import type { SessionOptions } from '../engine/session.js';
import { decodeImage } from '../image/decode.js';
import { drawOverlay } from '../image/overlay.js';
import { preprocess } from '../image/preprocess.js';
import { type Outcome, settle } from './outcome.js';
import { stepBack } from './priority.js';
import { together, type WarmUp } from './warm-up.js';

/** What a worker of the encode lane is given when it starts. */
export interface EncodeSettings {
  readonly manifest: ModelManifest;
  readonly encoderPath: string;
  readonly session: SessionOptions;
  readonly maxPixels: number;
  /** The number format embeddings are kept in. */
  readonly dtype: Dtype;
}

const settings = Piscina.workerData as EncodeSettings;
let encoder: Promise<ImageEncoder> | undefined;

/** The worker's one session; a worker that replaces a dead one opens it with its first task. */
function open(): Promise<ImageEncoder> {
  const { encoderPath, manifest, session } = settings;
  if (!encoder) stepBack();
  encoder ??= ImageEncoder.open(encoderPath, manifest.image_size, session);
  return encoder;
}

export function warmUp(task: WarmUp): Promise<Outcome<Provider>> {
  return settle(() =>
    together(task, async () => {
      const { image_size } = settings.manifest;
      const network = await open();
      await network.run(new Float32Array(3 * image_size * image_size));
      return network.provider;
    }),
  );
}

/** Bytes of image files -> oriented pixels -> model input -> embeddings. */
export function encode(files: readonly Uint8Array[]): Promise<Outcome<Encoded>[]> {
  return Promise.all(files.map(encodeOne));
}

function encodeOne(file: Uint8Array): Promise<Outcome<Encoded>> {
  return settle(async () => {
    const start = performance.now();
    const image = await decodeImage(file, settings);
    const decoded = performance.now();
    const input = preprocess(image, settings.manifest);
    const preprocessed = performance.now();
    const { data, shape } = await (await open()).run(input);
    const { dtype } = settings;
    // Shared memory: the store and every decode worker read the same bytes, and none copies them.
    const buffer = new SharedArrayBuffer(data.length * BYTES_PER_ELEMENT[dtype]);
    const tensor = { dtype, shape, bytes: writeFloats(data, dtype, buffer) };
    const timings = {
      decode_ms: decoded - start,
      preprocess_ms: preprocessed - decoded,
      encode_ms: performance.now() - preprocessed,
    };
    return { image: { width: image.width, height: image.height }, tensor, timings };
  });
}

/** Photographs with masks and prompts drawn on them, as PNG. */
export function overlay(tasks: readonly OverlayTask[]): Promise<Outcome<Uint8Array>[]> {
  return Promise.all(
    tasks.map(({ image, masks, prompts }) =>
      settle(async () => drawOverlay(await decodeImage(image, settings), masks, prompts)),
    ),
  );
}
