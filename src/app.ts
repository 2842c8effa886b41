import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import { loadModel, type Model } from './engine/model-files.js';
import { withholdTelemetry } from './engine/telemetry.js';
import { Uploads } from './http/bodies/uploads.js';
import type { Server } from './http/context.js';
import { ApiKeys } from './http/hooks/api-keys.js';
import { createServer } from './http/server.js';
import type { TaskReport } from './lanes/task-report.js';
import { Metrics } from './observe/metrics.js';
import { startTraces } from './observe/traces.js';
import { createLanes } from './parts/lanes.js';
import { createModels } from './parts/models.js';
import { createStores } from './parts/stores.js';
import { AllowedHosts } from './remote/allowed-hosts.js';
import { ImageUrls } from './remote/image-urls.js';
import { Cutouts } from './service/cutouts.js';
import { DecoderFiles } from './service/decoder-files.js';
import { MaskGenerator } from './service/everything/mask-generator.js';
import { ImageAdmission, PixelBudget } from './service/image-admission.js';
import { collectGarbage } from './service/memory/garbage.js';
import { Ledger } from './service/memory/ledger.js';
import { MemoryGuard } from './service/memory/memory-guard.js';
import { Predictor } from './service/predictor.js';
import { LogitsStore } from './store/logits-store.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** What a lone point on the largest image allowed is answered with can be cut out. */
const MASKS_OF_A_CLICK = 3;

/** As much of the cache as makes room when memory is short, and leaves most of what is in use. */
const SHARE_LET_GO = 0.25;
/** Shares of the time to shut down after which everything runs end, and all else that goes on. */
const LONG_WORK_ENDS = 0.5;
const ALL_WORK_ENDS = 0.9;

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
  const files: Model[] = [];
  for (const name of config.SAM_MODELS) files.push(await loadModel(config.SAM_MODELS_DIR, name));

  const metrics = new Metrics();
  const traces = config.OTEL_EXPORTER_OTLP_ENDPOINT ? await startTraces(version) : undefined;
  const watched = (lane: string) => ({
    onWorkerLost: (error: unknown) => {
      metrics.workerLost(lane);
      logger.error({ err: error, lane }, 'worker lost and replaced');
    },
    onTask: (task: TaskReport) => metrics.task(lane, task),
  });
  const lanes = createLanes(config, files, watched);

  const pixels = new PixelBudget(config.SAM_MAX_PIXELS_IN_FLIGHT);
  const imagesOf = (name: string) => {
    const limits = {
      maxPixels: config.SAM_MAX_IMAGE_PIXELS,
      maxSide: config.SAM_MAX_IMAGE_SIDE,
      maxMaskPixels: config.SAM_MAX_MASK_PIXELS,
    };
    return new ImageAdmission(lanes.encode.of(name, lanes.picture), limits, pixels);
  };
  const images = imagesOf(config.SAM_MODELS[0]);

  const stores = createStores(config, metrics, logger);
  const shared = { lanes, store: stores.all, imagesOf, metrics, logger };
  const models = createModels(config, files, shared);
  const { disk } = stores;
  const logits = new LogitsStore(config.SAM_LOGITS_BYTES, config.SAM_LOGITS_TTL_MS);
  const predictor = new Predictor(lanes.decode, logits, {
    maxPrompts: config.SAM_MAX_PROMPTS,
    maxPoints: config.SAM_MAX_POINTS,
    maxMaskPixels: config.SAM_MAX_MASK_PIXELS,
    maxAnswerBytes: config.SAM_MAX_ANSWER_BYTES,
  });

  const ledger = openLedger(config);
  const guard = new MemoryGuard(config.SAM_MAX_RSS, (excess) => {
    stores.memory.shrink(SHARE_LET_GO);
    collectGarbage();
    logger.warn(
      { excess, cached: stores.memory.usage.bytes },
      'memory is short: embeddings were dropped',
    );
  });
  const uploads = new Uploads(config.SAM_MAX_IMAGE_BYTES);
  const keys = config.SAM_API_KEYS_FILE ? new ApiKeys(config.SAM_API_KEYS_FILE) : undefined;
  metrics.watch({
    lanes: {
      encode: () => lanes.encode.load,
      picture: () => lanes.picture.load,
      decode: () => lanes.decode.load,
    },
    tiers: { memory: () => stores.memory.usage, ...(disk && { disk: () => disk.usage }) },
    uploads: () => ledger.held('body'),
    memory: (kind) => ledger.held(kind),
    pixels: () => pixels.taken,
    keysInvalid: () => keys?.invalid ?? false,
  });
  keys?.watch((error) => {
    if (error) logger.error({ err: error }, 'the keys file is wrong: the keys of before stay');
    else logger.info('keys read');
  });

  const generator = new MaskGenerator(lanes.decode, {
    maxRuns: config.SAM_EVERYTHING_RUNS,
    maxPoints: config.SAM_EVERYTHING_POINTS,
    maxAnswerBytes: config.SAM_MAX_ANSWER_BYTES,
  });

  let ready = false;
  let draining = false;
  const server = await createServer(
    {
      models,
      predictor,
      decoderFiles: new DecoderFiles(lanes.decode),
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
        prompts: (caller) => lanes.decode.checkRoom(caller),
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
        for (const model of models.all) await model.load();
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
        setTimeout(() => lanes.stop(), ALL_WORK_ENDS * graceMs),
        setTimeout(() => server.server.closeAllConnections(), graceMs),
      ];
      await server.close();
      await lanes.close();
      await disk?.close();
      await traces?.close();
      for (const step of steps) clearTimeout(step);
    },
  };
}

/** One client may hold half of what requests may, and bodies leave room for what is made of them. */
function openLedger(config: Config): Ledger {
  const { SAM_MEMORY_BYTES: maxBytes, SAM_MAX_UPLOAD_BYTES: maxBodyBytes } = config;
  return new Ledger({ maxBytes, maxClientBytes: maxBytes / 2, maxBodyBytes });
}
