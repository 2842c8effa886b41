import { fileURLToPath } from 'node:url';
import { readSettings, type Settings } from './config/settings.js';
import type { PrecisionChoice } from './core/family/model.js';
import { usableCores } from './machine.js';

/** Where the build puts the page. */
const PAGE = fileURLToPath(new URL('web', import.meta.url));

/** What each part of the service takes. */
export type Config = Readonly<ReturnType<typeof configOf>>;

/**
 * Reads and checks the environment.
 * @throws OperatorError naming each variable that is wrong, or does not exist
 */
export function loadConfig(environment: NodeJS.ProcessEnv): Config {
  return configOf(readSettings(environment));
}

/** Sizes in bytes or pixels, times in milliseconds; what is off is undefined, or 0 for a rate. */
function configOf(settings: Settings) {
  const queueMs = settings.SAM_QUEUE_TIMEOUT_MS;
  const maxAnswerBytes = settings.SAM_MAX_ANSWER_BYTES;
  return {
    address: { host: settings.HOST, port: settings.PORT },
    logLevel: settings.LOG_LEVEL,
    shutdownMs: settings.SAM_SHUTDOWN_MS,
    traces: settings.OTEL_EXPORTER_OTLP_ENDPOINT || undefined,
    keysFile: settings.SAM_API_KEYS_FILE || undefined,
    models: {
      names: settings.SAM_MODELS,
      directory: settings.SAM_MODELS_DIR,
      atStart: settings.SAM_MODELS_LOAD === 'start',
    },
    /** What finds things by text, if anything does. */
    text: settings.SAM_TEXT_MODEL
      ? {
          model: settings.SAM_TEXT_MODEL,
          size: settings.SAM_TEXT_SIZE,
          always: settings.SAM_TEXT === 'embed',
          maxTexts: settings.SAM_MAX_TEXTS,
        }
      : undefined,
    imageChild: {
      workers: settings.SAM_IMAGE_WORKERS ?? imageWorkers(settings),
      maxPixels: settings.SAM_MAX_IMAGE_PIXELS,
      timeoutMs: settings.SAM_IMAGE_TIMEOUT_MS,
    },
    encodeLane: {
      workers: settings.SAM_ENCODE_WORKERS,
      queueLimit: settings.SAM_ENCODE_QUEUE,
      timeouts: { queueMs, runMs: settings.SAM_ENCODE_TIMEOUT_MS },
      session: { device: settings.SAM_DEVICE, threads: settings.SAM_ENCODE_THREADS },
      precision: precisionOf(settings),
      dtype: settings.SAM_CACHE_DTYPE,
      /** Images that are encoded together, where the operator has said. */
      batch: settings.SAM_ENCODE_BATCH,
    },
    decodeLane: {
      workers: settings.SAM_DECODE_WORKERS,
      queueLimit: settings.SAM_DECODE_QUEUE,
      timeouts: { queueMs, runMs: settings.SAM_DECODE_TIMEOUT_MS },
      session: { device: settings.SAM_DECODE_DEVICE, threads: settings.SAM_DECODE_THREADS },
      contextBytes: settings.SAM_CONTEXT_BYTES,
    },
    images: {
      maxBytes: settings.SAM_MAX_IMAGE_BYTES,
      maxPixels: settings.SAM_MAX_IMAGE_PIXELS,
      maxSide: settings.SAM_MAX_IMAGE_SIDE,
      maxMaskPixels: settings.SAM_MAX_MASK_PIXELS,
      maxPixelsInFlight: settings.SAM_MAX_PIXELS_IN_FLIGHT,
    },
    remote: { hosts: settings.SAM_URL_SOURCES, timeoutMs: settings.SAM_URL_TIMEOUT_MS },
    cache: {
      bytes: settings.SAM_CACHE_BYTES,
      directory: settings.SAM_CACHE_DIR || undefined,
      directoryBytes: settings.SAM_CACHE_DIR_BYTES,
    },
    /** Where several processes have what each makes, if anywhere. */
    shared: settings.SAM_REDIS_URL
      ? {
          url: settings.SAM_REDIS_URL,
          timeoutMs: settings.SAM_REDIS_TIMEOUT_MS,
          ttlMs: settings.SAM_REDIS_TTL_MS,
          logitsTtlMs: settings.SAM_LOGITS_TTL_MS,
        }
      : undefined,
    encode: settings.SAM_ENCODE,
    queue: {
      url: settings.SAM_QUEUE_URL || settings.SAM_REDIS_URL,
      limit: settings.SAM_QUEUE_LIMIT,
      queueMs,
      runMs: settings.SAM_ENCODE_TIMEOUT_MS,
    },
    logits: { bytes: settings.SAM_LOGITS_BYTES, ttlMs: settings.SAM_LOGITS_TTL_MS },
    prompts: {
      maxPrompts: settings.SAM_MAX_PROMPTS,
      maxPoints: settings.SAM_MAX_POINTS,
      maxMaskPixels: settings.SAM_MAX_MASK_PIXELS,
      maxAnswerBytes,
    },
    everything: {
      maxRuns: settings.SAM_EVERYTHING_RUNS,
      maxPoints: settings.SAM_EVERYTHING_POINTS,
      maxAnswerBytes,
    },
    /** One client may hold half of what requests may, and bodies leave room for what is made of them. */
    ledger: {
      maxBytes: settings.SAM_MEMORY_BYTES,
      maxClientBytes: settings.SAM_MEMORY_BYTES / 2,
      maxBodyBytes: settings.SAM_MAX_UPLOAD_BYTES,
    },
    maxResidentBytes: settings.SAM_MAX_RSS,
    http: {
      page: settings.SAM_DEMO ? PAGE : undefined,
      imagesByUrl: settings.SAM_URL_SOURCES.length > 0,
      isolateKeys: settings.SAM_ISOLATE_KEYS,
      ratePerKey: settings.SAM_RATE_PER_KEY,
      ratePerAddress: settings.SAM_RATE_PER_ADDRESS,
      trustProxy: settings.SAM_TRUST_PROXY,
      corsOrigins: settings.SAM_CORS_ORIGINS,
      timeouts: {
        headerMs: settings.SAM_HEADER_TIMEOUT_MS,
        requestMs: settings.SAM_REQUEST_TIMEOUT_MS,
      },
      reading: { stallMs: settings.SAM_ANSWER_STALL_MS, minRate: settings.SAM_ANSWER_MIN_RATE },
    },
  };
}

/** Beyond so many images at once a network has long had enough. */
const MOST_IMAGE_WORKERS = 8;

/**
 * A network on the CPU is slower than one thread that decodes, and needs the cores itself. One on a GPU is faster, and
 * leaves them.
 */
function imageWorkers({ SAM_DEVICE, SAM_ENCODE_WORKERS }: Settings): number {
  const idle = SAM_DEVICE === 'cpu' ? 1 : Math.min(usableCores(), MOST_IMAGE_WORKERS);
  return Math.max(idle, SAM_ENCODE_WORKERS);
}

/** A CPU leaves nothing to choose. */
function precisionOf({ SAM_DEVICE, SAM_ENCODER_PRECISION }: Settings): PrecisionChoice {
  return SAM_ENCODER_PRECISION === 'auto' && SAM_DEVICE === 'cpu'
    ? 'float32'
    : SAM_ENCODER_PRECISION;
}
