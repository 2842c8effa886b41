import type { Config } from '../config.js';
import type { Provider } from '../core/device.js';
import { type Model, readDecoder } from '../engine/model-files.js';
import { DecodeLane } from '../lanes/decode-lane.js';
import { EncodeLane } from '../lanes/encode-lane.js';
import { ImageChild } from '../lanes/images/image-child.js';
import { PictureLane } from '../lanes/picture-lane.js';
import type { TaskReport } from '../lanes/task-report.js';
import { CONTEXT_BYTES } from '../sam/decoder/image-context.js';

/** Until the first picture's process is there, on a machine that is busy. */
const PICTURES_START_MS = 10_000;

/** The work that is done off the main thread. */
export interface Lanes {
  readonly encode: EncodeLane;
  readonly picture: PictureLane;
  readonly decode: DecodeLane;
  /** Stops all work at once, begun or waiting. */
  stop(): void;
  /** Ends the workers, each after the task that it runs. */
  close(): Promise<void>;
}

/** What a lane tells of its workers and tasks. */
export interface Watch {
  onWorkerLost(error: unknown): void;
  onTask(task: TaskReport): void;
}

/** @param watched by a lane's name. */
export function createLanes(
  config: Config,
  models: readonly Model[],
  watched: (lane: string) => Watch,
): Lanes {
  const queueMs = config.SAM_QUEUE_TIMEOUT_MS;
  // GPU sessions of a process take turns.
  const gpuTurn = new SharedArrayBuffer(4);
  const images = {
    models: byName(models, (model) => model),
    image: { maxPixels: config.SAM_MAX_IMAGE_PIXELS, timeoutMs: config.SAM_IMAGE_TIMEOUT_MS },
  };
  const encode = new EncodeLane({
    workers: config.SAM_ENCODE_WORKERS,
    queueLimit: config.SAM_ENCODE_QUEUE,
    timeouts: { queueMs, runMs: config.SAM_ENCODE_TIMEOUT_MS },
    settings: {
      ...images,
      session: { device: config.SAM_DEVICE, threads: config.SAM_ENCODE_THREADS, gpuTurn },
      precision: config.SAM_ENCODER_PRECISION,
      dtype: config.SAM_CACHE_DTYPE,
    },
    ...watched('encode'),
  });
  const picture = new PictureLane({
    // One picture takes as much memory as many images that are prepared.
    workers: 1,
    queueLimit: config.SAM_ENCODE_QUEUE,
    timeouts: {
      queueMs,
      runMs: ImageChild.longest(config.SAM_IMAGE_TIMEOUT_MS) + PICTURES_START_MS,
    },
    settings: images,
    ...watched('picture'),
  });
  const contexts = contextsPerWorker(config);
  const decode = new DecodeLane({
    workers: config.SAM_DECODE_WORKERS,
    queueLimit: config.SAM_DECODE_QUEUE,
    affinityLimit: contexts,
    othersWork: () => encode.busy,
    timeouts: { queueMs, runMs: config.SAM_DECODE_TIMEOUT_MS },
    settings: {
      models: byName(models, (model) => ({
        manifest: model.manifest,
        weights: readDecoder(model),
      })),
      contexts,
      session: { device: config.SAM_DECODE_DEVICE, threads: config.SAM_DECODE_THREADS, gpuTurn },
    },
    ...watched('decode'),
  });
  return {
    encode,
    picture,
    decode,
    stop: () => void Promise.all([encode.stop(), decode.stop()]),
    close: async () => {
      await Promise.all([encode.close(), picture.close(), decode.close()]);
    },
  };
}

/** Images that are encoded together; without a word from the operator, those that a GPU is filled by. */
export function encodeBatch({ SAM_ENCODE_BATCH }: Config): (provider: Provider) => number {
  return (provider) => SAM_ENCODE_BATCH ?? (provider === 'cpu' ? 1 : 4);
}

/** Images of which each decode worker keeps the context: the workers share the bytes, and one image always fits. */
function contextsPerWorker({ SAM_CONTEXT_BYTES, SAM_DECODE_WORKERS }: Config): number {
  return Math.max(1, Math.floor(SAM_CONTEXT_BYTES / SAM_DECODE_WORKERS / CONTEXT_BYTES));
}

function byName<T>(models: readonly Model[], each: (model: Model) => T): Record<string, T> {
  return Object.fromEntries(models.map((model) => [model.manifest.name, each(model)]));
}
