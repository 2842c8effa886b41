import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import { bestBatch, type Provider } from './core/device.js';
import { fingerprintOf } from './core/model.js';
import { loadModel, type Model, readDecoder } from './engine/model-files.js';
import { withholdTelemetry } from './engine/telemetry.js';
import { ApiKeys } from './http/api-keys.js';
import type { Server } from './http/context.js';
import { createServer } from './http/server.js';
import { Uploads } from './http/uploads.js';
import { DecodeLane } from './lanes/decode-lane.js';
import { EncodeLane } from './lanes/encode-lane.js';
import { ImageChild } from './lanes/images/image-child.js';
import { PictureLane } from './lanes/picture-lane.js';
import type { TaskReport } from './lanes/task-report.js';
import { Metrics } from './observe/metrics.js';
import { startTraces } from './observe/traces.js';
import { AllowedHosts } from './remote/allowed-hosts.js';
import { ImageUrls } from './remote/image-urls.js';
import { CONTEXT_BYTES } from './sam/image-context.js';
import { Cutouts } from './service/cutouts.js';
import { DecoderFiles } from './service/decoder-files.js';
import { Embeddings } from './service/embeddings.js';
import { collectGarbage } from './service/garbage.js';
import { ImageAdmission, PixelBudget } from './service/image-admission.js';
import { Ledger } from './service/ledger.js';
import { MaskGenerator } from './service/mask-generator.js';
import { MemoryGuard } from './service/memory-guard.js';
import { Models } from './service/models.js';
import { Predictor } from './service/predictor.js';
import { ServedModel } from './service/served-model.js';
import { DiskStore } from './store/disk-store.js';
import { LogitsStore } from './store/logits-store.js';
import { MemoryStore } from './store/memory-store.js';
import { TieredStore } from './store/tiered-store.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** What a lone point on the largest image allowed is answered with can be cut out. */
const MASKS_OF_A_CLICK = 3;

/** As much of the cache as makes room when memory is short, and leaves most of what is in use. */
const SHARE_LET_GO = 0.25;
/** Shares of the time to shut down after which everything runs end, and all else that goes on. */
const LONG_WORK_ENDS = 0.5;
const ALL_WORK_ENDS = 0.9;
/** Until the first picture's process is there, on a machine that is busy. */
const PICTURES_START_MS = 10_000;

/** The service, built and wired. */
export interface App {
  readonly server: Server;
  /**
   * Loads the networks in all workers, unless that is put off until they are needed; `/readyz` says no
   * until it is done.
   * @throws StartupError when one does not load
   */
  warmUp(): Promise<void>;
  /**
   * Turns readiness off, finishes what is in flight, ends the workers. After half of the time that there is, long work is
   * told to end, near the end all work, and in the end the connections. It resolves when no thread is left that
   * the end of the process could meet in native code.
   */
  close(): Promise<void>;
}

/**
 * Builds the service. Nothing listens yet and no network is loaded.
 * @throws StartupError when the model's files are missing or altered
 */
export async function createApp(config: Config, logger: Logger): Promise<App> {
  withholdTelemetry();
  const models: Model[] = [];
  for (const name of config.SAM_MODELS) models.push(await loadModel(config.SAM_MODELS_DIR, name));
  const dtype = config.SAM_CACHE_DTYPE;
  const precision = config.SAM_ENCODER_PRECISION;
  const gpuTurn = new SharedArrayBuffer(4);

  const metrics = new Metrics();
  const traces = config.OTEL_EXPORTER_OTLP_ENDPOINT ? await startTraces(version) : undefined;
  const watched = (lane: string) => ({
    onWorkerLost: (error: unknown) => {
      metrics.workerLost(lane);
      logger.error({ err: error, lane }, 'worker lost and replaced');
    },
    onTask: (task: TaskReport) => metrics.task(lane, task),
  });
  const imageSettings = {
    models: byName(models, (model) => model),
    image: { maxPixels: config.SAM_MAX_IMAGE_PIXELS, timeoutMs: config.SAM_IMAGE_TIMEOUT_MS },
  };
  const encodeLane = new EncodeLane({
    workers: config.SAM_ENCODE_WORKERS,
    queueLimit: config.SAM_ENCODE_QUEUE,
    timeouts: { queueMs: config.SAM_QUEUE_TIMEOUT_MS, runMs: config.SAM_ENCODE_TIMEOUT_MS },
    settings: {
      ...imageSettings,
      session: { device: config.SAM_DEVICE, threads: config.SAM_ENCODE_THREADS, gpuTurn },
      precision,
      dtype,
    },
    ...watched('encode'),
  });
  const pictureLane = new PictureLane({
    // One picture takes as much memory as many images that are prepared.
    workers: 1,
    queueLimit: config.SAM_ENCODE_QUEUE,
    timeouts: {
      queueMs: config.SAM_QUEUE_TIMEOUT_MS,
      runMs: ImageChild.longest(config.SAM_IMAGE_TIMEOUT_MS) + PICTURES_START_MS,
    },
    settings: imageSettings,
    ...watched('picture'),
  });
  const contexts = contextsPerWorker(config);
  const decodeLane = new DecodeLane({
    workers: config.SAM_DECODE_WORKERS,
    queueLimit: config.SAM_DECODE_QUEUE,
    affinityLimit: contexts,
    othersWork: () => encodeLane.busy,
    timeouts: { queueMs: config.SAM_QUEUE_TIMEOUT_MS, runMs: config.SAM_DECODE_TIMEOUT_MS },
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

  const pixels = new PixelBudget(config.SAM_MAX_PIXELS_IN_FLIGHT);
  const imagesOf = (name: string) => {
    const limits = {
      maxPixels: config.SAM_MAX_IMAGE_PIXELS,
      maxSide: config.SAM_MAX_IMAGE_SIDE,
      maxMaskPixels: config.SAM_MAX_MASK_PIXELS,
    };
    return new ImageAdmission(encodeLane.of(name, pictureLane), limits, pixels);
  };
  const images = imagesOf(config.SAM_MODELS[0]);

  const memory = new MemoryStore(config.SAM_CACHE_BYTES, () => metrics.evicted('memory'));
  const disk = config.SAM_CACHE_DIR
    ? new DiskStore({
        directory: config.SAM_CACHE_DIR,
        maxBytes: config.SAM_CACHE_DIR_BYTES,
        onEvict: () => metrics.evicted('disk'),
        onFault: (fault, error) => {
          metrics.diskFault(fault);
          if (fault !== 'skipped') logger.warn({ err: error, fault }, 'disk cache');
        },
      })
    : undefined;
  const store = disk ? new TieredStore(memory, disk) : memory;
  const served = new Models(
    models.map(({ manifest }) => {
      const { name } = manifest;
      const fingerprint = fingerprintOf(manifest, precision, dtype);
      const embeddings = new Embeddings(name, fingerprint, store, imagesOf(name), metrics);
      return new ServedModel(manifest, { fingerprint, precision }, embeddings, async () => {
        const encoder = await encodeLane.loadModel(name, encodeBatch(config));
        const decoder = await decodeLane.loadModel(name, bestBatch);
        // A request that waits for its model runs the networks itself.
        if (config.SAM_MODELS_LOAD === 'start') {
          await Promise.all([encodeLane.warmUp(name), decodeLane.warmUp(name)]);
        }
        metrics.provider(name, 'encoder', encoder);
        metrics.provider(name, 'decoder', decoder);
        logger.info({ model: name, encoder, decoder }, 'loaded');
        return { encoder, decoder };
      });
    }),
  );
  const logits = new LogitsStore(config.SAM_LOGITS_BYTES, config.SAM_LOGITS_TTL_MS);
  const predictor = new Predictor(decodeLane, logits, {
    maxPrompts: config.SAM_MAX_PROMPTS,
    maxPoints: config.SAM_MAX_POINTS,
    maxMaskPixels: config.SAM_MAX_MASK_PIXELS,
    maxAnswerBytes: config.SAM_MAX_ANSWER_BYTES,
  });

  const ledger = openLedger(config);
  const guard = new MemoryGuard(config.SAM_MAX_RSS, (excess) => {
    memory.shrink(SHARE_LET_GO);
    collectGarbage();
    logger.warn({ excess, cached: memory.usage.bytes }, 'memory is short: embeddings were dropped');
  });
  const uploads = new Uploads(config.SAM_MAX_IMAGE_BYTES);
  const keys = config.SAM_API_KEYS_FILE ? new ApiKeys(config.SAM_API_KEYS_FILE) : undefined;
  metrics.watch({
    lanes: {
      encode: () => encodeLane.load,
      picture: () => pictureLane.load,
      decode: () => decodeLane.load,
    },
    tiers: { memory: () => memory.usage, ...(disk && { disk: () => disk.usage }) },
    uploads: () => ledger.held('body'),
    memory: (kind) => ledger.held(kind),
    pixels: () => pixels.taken,
    keysInvalid: () => keys?.invalid ?? false,
  });
  keys?.watch((error) => {
    if (error) logger.error({ err: error }, 'the keys file is wrong: the keys of before stay');
    else logger.info('keys read');
  });

  const generator = new MaskGenerator(decodeLane, {
    maxRuns: config.SAM_EVERYTHING_RUNS,
    maxPoints: config.SAM_EVERYTHING_POINTS,
    maxAnswerBytes: config.SAM_MAX_ANSWER_BYTES,
  });

  let ready = false;
  let draining = false;
  const server = await createServer(
    {
      models: served,
      predictor,
      decoderFiles: new DecoderFiles(decodeLane),
      generator,
      cutouts: new Cutouts(images, MASKS_OF_A_CLICK * config.SAM_MAX_IMAGE_PIXELS),
      images,
      ledger,
      uploads,
      remote: new ImageUrls({
        hosts: new AllowedHosts(config.SAM_URL_SOURCES),
        timeoutMs: config.SAM_URL_TIMEOUT_MS,
      }),
      counts: metrics,
      ...(traces && { trace: traces.request }),
      room: {
        images: (caller) => {
          guard.check();
          images.checkRoom(caller);
        },
        prompts: (caller) => decodeLane.checkRoom(caller),
      },
      ready: () => ready && !draining,
    },
    {
      ...{ logger, version, keys },
      isolateKeys: config.SAM_ISOLATE_KEYS,
      ratePerKey: config.SAM_RATE_PER_KEY,
      ratePerAddress: config.SAM_RATE_PER_ADDRESS,
      timeouts: {
        headerMs: config.SAM_HEADER_TIMEOUT_MS,
        requestMs: config.SAM_REQUEST_TIMEOUT_MS,
      },
      reading: { stallMs: config.SAM_ANSWER_STALL_MS, minRate: config.SAM_ANSWER_MIN_RATE },
      trustProxy: config.SAM_TRUST_PROXY,
      corsOrigins: config.SAM_CORS_ORIGINS,
    },
  );

  return {
    server,
    async warmUp() {
      await disk?.open();
      if (config.SAM_MODELS_LOAD === 'start') {
        for (const model of served.all) await model.load();
      }
      ready = true;
      logger.info({ models: config.SAM_MODELS }, 'ready');
    },
    async close() {
      draining = true;
      keys?.close();
      const graceMs = config.SAM_SHUTDOWN_MS;
      const steps = [
        setTimeout(() => generator.stop(), LONG_WORK_ENDS * graceMs),
        setTimeout(
          () => void Promise.all([encodeLane.stop(), decodeLane.stop()]),
          ALL_WORK_ENDS * graceMs,
        ),
        setTimeout(() => server.server.closeAllConnections(), graceMs),
      ];
      await server.close();
      await Promise.all([encodeLane.close(), pictureLane.close(), decodeLane.close()]);
      await disk?.close();
      await traces?.close();
      for (const step of steps) clearTimeout(step);
    },
  };
}

function byName<T>(models: readonly Model[], each: (model: Model) => T): Record<string, T> {
  return Object.fromEntries(models.map((model) => [model.manifest.name, each(model)]));
}

/** Images that are encoded together; without a word from the operator, those that a GPU is filled by. */
function encodeBatch({ SAM_ENCODE_BATCH }: Config): (provider: Provider) => number {
  return (provider) => SAM_ENCODE_BATCH ?? (provider === 'cpu' ? 1 : 4);
}

/** One client may hold half of what requests may, and bodies leave room for what is made of them. */
function openLedger(config: Config): Ledger {
  const { SAM_MEMORY_BYTES: maxBytes, SAM_MAX_UPLOAD_BYTES: maxBodyBytes } = config;
  return new Ledger({ maxBytes, maxClientBytes: maxBytes / 2, maxBodyBytes });
}

/** Images of which each decode worker keeps the context: the workers share the bytes, and one image always fits. */
function contextsPerWorker({ SAM_CONTEXT_BYTES, SAM_DECODE_WORKERS }: Config): number {
  return Math.max(1, Math.floor(SAM_CONTEXT_BYTES / SAM_DECODE_WORKERS / CONTEXT_BYTES));
}
