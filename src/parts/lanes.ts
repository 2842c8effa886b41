import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { familyOf } from '../core/family/model.js';
import type { DetectorModel } from '../engine/detector/files.js';
import { type Model, readDecoder } from '../engine/model-files.js';
import { DecodeLane } from '../lanes/decode-lane.js';
import { EncodeLane } from '../lanes/encode-lane.js';
import { FindLane } from '../lanes/find-lane.js';
import { ImageChild } from '../lanes/images/image-child.js';
import type { Load } from '../lanes/load.js';
import { PictureLane } from '../lanes/picture-lane.js';
import type { TaskReport } from '../lanes/task-report.js';
import type { Metrics } from '../observe/metrics.js';
import { contextBytes } from '../sam/decoder/image-context.js';
import { inSharedMemory } from '../sam/weights/weights.js';

/** Until the first picture's process is there, on a machine that is busy. */
const PICTURES_START_MS = 10_000;

/** The work that is done off the main thread. */
export interface Lanes {
  readonly encode: EncodeLane;
  readonly picture: PictureLane;
  readonly decode: DecodeLane;
  /** Where there is a model for texts. */
  readonly find: FindLane | undefined;
  /** What waits and runs in each, for the metrics. */
  readonly loads: Readonly<Record<string, () => Load>>;
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
  detector: DetectorModel | undefined,
  watched: (lane: string) => Watch,
): Lanes {
  // GPU sessions of a process take turns.
  const gpuTurn = new SharedArrayBuffer(4);
  const { encodeLane, decodeLane, imageChild } = config;
  const images = imageSettings(config, models, detector);
  const encode = createEncodeLane(config, models, detector, watched('encode'), gpuTurn);
  const picture = new PictureLane({
    // One picture takes as much memory as many images that are prepared.
    workers: 1,
    queueLimit: encodeLane.queueLimit,
    timeouts: {
      queueMs: encodeLane.timeouts.queueMs,
      runMs: ImageChild.longest(imageChild.timeoutMs) + PICTURES_START_MS,
    },
    settings: images,
    ...watched('picture'),
  });
  const contexts = contextsPerWorker(decodeLane, models);
  const crowd = {
    tasks: new SharedArrayBuffer(4),
    threads: decodeLane.workers * decodeLane.session.threads,
  };
  const decode = new DecodeLane({
    workers: decodeLane.workers,
    queueLimit: decodeLane.queueLimit,
    affinityLimit: contexts,
    crowd,
    othersWork: () => encode.processorWork,
    timeouts: decodeLane.timeouts,
    settings: {
      models: byName(models, (model) => ({
        manifest: model.manifest,
        weights: inSharedMemory(readDecoder(model)),
      })),
      contexts,
      session: { ...decodeLane.session, gpuTurn, crowd },
    },
    ...watched('decode'),
  });
  const find =
    detector &&
    new FindLane({
      workers: 1,
      queueLimit: decodeLane.queueLimit,
      timeouts: decodeLane.timeouts,
      settings: {
        architecture: detector.architecture,
        isPadded: detector.manifest.padding !== undefined,
        paths: detector.paths,
        session: { ...decodeLane.session, gpuTurn },
      },
      ...watched('find'),
    });
  return {
    encode,
    picture,
    decode,
    find,
    loads: {
      encode: () => encode.load,
      picture: () => picture.load,
      decode: () => decode.load,
      ...(find && { find: () => find.load }),
    },
    stop: () => void Promise.all([encode.stop(), decode.stop(), find?.stop()]),
    close: async () => {
      await Promise.all([encode.close(), picture.close(), decode.close(), find?.close()]);
    },
  };
}

/** @param gpuTurn shared memory by which GPU sessions take turns. */
export function createEncodeLane(
  config: Config,
  models: readonly Model[],
  detector: DetectorModel | undefined,
  watch: Watch,
  gpuTurn = new SharedArrayBuffer(4),
): EncodeLane {
  const { workers, queueLimit, timeouts, session, precision, dtype } = config.encodeLane;
  const settings = {
    ...imageSettings(config, models, detector),
    session: { ...session, gpuTurn },
    ...{ precision, dtype },
  };
  return new EncodeLane(
    { workers, queueLimit, timeouts, settings, ...watch },
    config.imageChild.workers,
  );
}

function imageSettings(
  { imageChild: { maxPixels, timeoutMs } }: Config,
  models: readonly Model[],
  detector: DetectorModel | undefined,
) {
  return {
    models: byName(models, (model) => model),
    detectors: detectorsOf(detector),
    image: { maxPixels, timeoutMs },
  };
}

/** What the encode lane needs of the detector. */
function detectorsOf(detector: DetectorModel | undefined) {
  if (!detector) return {};
  const { manifest, architecture, paths, imageSize } = detector;
  const { name, image_mean: mean, image_std: std, padding } = manifest;
  const input = { imageSize, mean, std, ...(padding !== undefined && { padding }) };
  return { [name]: { ...input, architecture, path: paths.weights } };
}

/** Images of which each decode worker keeps the context: the workers share the bytes, and one image always fits. */
function contextsPerWorker(
  { contextBytes: bytes, workers }: Config['decodeLane'],
  models: readonly Model[],
): number {
  const families = models.map(({ manifest }) => familyOf(manifest.architecture));
  const largest = Math.max(...families.map(contextBytes));
  return Math.max(1, Math.floor(bytes / workers / largest));
}

function byName<T>(models: readonly Model[], each: (model: Model) => T): Record<string, T> {
  return Object.fromEntries(models.map((model) => [model.manifest.name, each(model)]));
}

/**
 * Counts a lane's tasks, and says when a worker is lost.
 * @param onDeviceLost told when the device is lost on which its networks run; only a restart mends it.
 */
export function watched(
  lane: string,
  metrics: Metrics,
  logger: Logger,
  onDeviceLost: () => void,
): Watch {
  return {
    onWorkerLost: (error) => {
      metrics.workerLost(lane);
      logger.error({ err: error, lane }, 'worker lost and replaced');
    },
    onTask: (task) => {
      metrics.task(lane, task);
      if (task.deviceLost === undefined) return;
      logger.fatal({ lane }, task.deviceLost);
      onDeviceLost();
    },
  };
}
