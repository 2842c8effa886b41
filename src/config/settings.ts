import { fileURLToPath } from 'node:url';
import { bool, cleanEnv, host, port, str } from 'envalid';
import { DEVICES } from '../core/device.js';
import { OperatorError } from '../core/errors.js';
import { PRECISION_CHOICES } from '../core/family/model.js';
import { DTYPES } from '../core/tensors/tensor.js';
import { memoryLimit, usableCores } from '../machine.js';
import {
  bytes,
  hosts,
  limit,
  names,
  natural,
  networks,
  origins,
  positive,
  redis,
} from './validators.js';

/** What the defaults are measured by: bytes of memory. */
interface Machine {
  readonly cores: number;
  readonly memory: number;
}

/** Everything the environment can set, in the order of the README's table, which a test compares. */
function variables({ cores, memory }: Machine) {
  return {
    HOST: host({ default: '0.0.0.0' }),
    PORT: port({ default: 8080 }),
    LOG_LEVEL: str({
      choices: ['fatal', 'error', 'warn', 'info', 'debug', 'silent'],
      default: 'info',
    }),
    SAM_DEMO: bool({ default: true }),
    SAM_MODELS: names({ default: ['mobile_sam'] }),
    SAM_MODELS_LOAD: str({ choices: ['start', 'first-use'], default: 'start' }),
    SAM_MODELS_DIR: str({ default: fileURLToPath(new URL('../../models', import.meta.url)) }),
    SAM_DEVICE: str({ choices: DEVICES, default: 'cpu' }),
    SAM_ENCODER_PRECISION: str({ choices: PRECISION_CHOICES, default: 'auto' }),
    SAM_DECODE_DEVICE: str({ choices: DEVICES, default: 'cpu' }),
    SAM_TEXT_MODEL: str({ default: '' }),
    SAM_TEXT_SIZE: positive({ default: undefined }),
    SAM_TEXT: str({ choices: ['first-use', 'embed'], default: 'first-use' }),
    SAM_CACHE_BYTES: bytes({ default: 2 ** 30 }),
    SAM_CACHE_DTYPE: str({ choices: DTYPES, default: 'float16' }),
    SAM_CONTEXT_BYTES: bytes({ default: 256 * 2 ** 20 }),
    SAM_LOGITS_BYTES: bytes({ default: 64 * 2 ** 20 }),
    SAM_LOGITS_TTL_MS: positive({ default: 600_000 }),
    SAM_CACHE_DIR: str({ default: '' }),
    SAM_CACHE_DIR_BYTES: bytes({ default: 10 * 2 ** 30 }),
    SAM_REDIS_URL: redis({ default: '' }),
    SAM_REDIS_TIMEOUT_MS: positive({ default: 200 }),
    SAM_REDIS_TTL_MS: positive({ default: 86_400_000 }),
    SAM_ENCODE: str({ choices: ['local', 'queue', 'queue-or-local'], default: 'local' }),
    SAM_QUEUE_URL: redis({ default: '' }),
    SAM_QUEUE_LIMIT: positive({ default: 64 }),
    SAM_IMAGE_WORKERS: positive({ default: undefined }),
    SAM_ENCODE_WORKERS: positive({ default: 1 }),
    SAM_ENCODE_BATCH: positive({ default: undefined }),
    SAM_ENCODE_THREADS: positive({ default: cores }),
    SAM_ENCODE_QUEUE: natural({ default: 8 }),
    SAM_DECODE_WORKERS: positive({ default: Math.min(cores, 4) }),
    SAM_DECODE_THREADS: positive({ default: cores >= 8 ? 2 : 1 }),
    SAM_DECODE_QUEUE: natural({ default: 64 }),
    SAM_MAX_IMAGE_BYTES: bytes({ default: 32 * 2 ** 20 }),
    SAM_MAX_IMAGE_PIXELS: positive({ default: 50_000_000 }),
    SAM_MAX_IMAGE_SIDE: positive({ default: 32_768 }),
    SAM_MAX_PIXELS_IN_FLIGHT: positive({ default: 256_000_000 }),
    SAM_MAX_UPLOAD_BYTES: bytes({ default: 384 * 2 ** 20 }),
    SAM_MEMORY_BYTES: bytes({ default: 512 * 2 ** 20 }),
    SAM_MAX_ANSWER_BYTES: bytes({ default: 256 * 2 ** 20 }),
    SAM_URL_SOURCES: hosts({ default: [] }),
    SAM_URL_TIMEOUT_MS: positive({ default: 10_000 }),
    SAM_MAX_PROMPTS: positive({ default: 64 }),
    SAM_MAX_POINTS: positive({ default: 256 }),
    SAM_MAX_TEXTS: positive({ default: 64 }),
    SAM_MAX_MASK_PIXELS: positive({ default: 1_000_000_000 }),
    SAM_API_KEYS_FILE: str({ default: '' }),
    SAM_ISOLATE_KEYS: bool({ default: false }),
    SAM_RATE_PER_KEY: natural({ default: 0 }),
    SAM_RATE_PER_ADDRESS: natural({ default: 0 }),
    SAM_TRUST_PROXY: networks({ default: [] }),
    SAM_CORS_ORIGINS: origins({ default: [] }),
    SAM_HEADER_TIMEOUT_MS: positive({ default: 20_000 }),
    SAM_REQUEST_TIMEOUT_MS: positive({ default: 120_000 }),
    SAM_QUEUE_TIMEOUT_MS: positive({ default: 60_000 }),
    SAM_IMAGE_TIMEOUT_MS: positive({ default: 15_000 }),
    SAM_ENCODE_TIMEOUT_MS: positive({ default: 120_000 }),
    SAM_DECODE_TIMEOUT_MS: positive({ default: 30_000 }),
    SAM_ANSWER_STALL_MS: positive({ default: 20_000 }),
    SAM_ANSWER_MIN_RATE: bytes({ default: 8 * 2 ** 10 }),
    SAM_MAX_RSS: limit({ default: Math.floor(0.85 * memory) }),
    OTEL_EXPORTER_OTLP_ENDPOINT: str({ default: '' }),
    SAM_EVERYTHING_RUNS: positive({ default: 4 }),
    SAM_EVERYTHING_POINTS: positive({ default: 8192 }),
    SAM_SHUTDOWN_MS: positive({ default: 20_000 }),
  };
}

/** The variables as they are in the environment: the README's table says what each means. */
export type Settings = Readonly<ReturnType<typeof parse>>;

function parse(environment: NodeJS.ProcessEnv, machine: Machine) {
  return cleanEnv(environment, variables(machine), {
    reporter: ({ errors }) => {
      const problems = Object.entries(errors).map(([name, error]) => `${name}: ${error?.message}`);
      if (problems.length > 0) throw new OperatorError(problems.join('\n'));
    },
  });
}

/** Names of all variables, for the test that holds the README to them. */
export const VARIABLES = Object.keys(variables({ cores: 1, memory: 0 }));

/**
 * Reads and validates the environment.
 * @throws OperatorError naming each variable that is wrong or does not fit another, and any `SAM_` variable that does not exist.
 */
export function readSettings(
  environment: NodeJS.ProcessEnv,
  cores = usableCores(),
  memory = memoryLimit(),
): Settings {
  const unknown = Object.keys(environment).filter(
    (name) => name.startsWith('SAM_') && !VARIABLES.includes(name),
  );
  if (unknown.includes('SAM_MODEL')) {
    throw new OperatorError('SAM_MODEL: set SAM_MODELS, which takes one name or several');
  }
  if (unknown.length > 0) throw new OperatorError(`${unknown.join(', ')}: no such setting`);
  // What is empty is not set: compose files have no other way to leave one out.
  const set = Object.entries(environment).filter(([, value]) => value !== '');
  const settings = parse(Object.fromEntries(set), { cores, memory });
  if (settings.SAM_ENCODER_PRECISION === 'int8' && settings.SAM_DEVICE !== 'cpu') {
    throw new OperatorError('SAM_ENCODER_PRECISION: int8 is for SAM_DEVICE=cpu');
  }
  // Where images go through a queue, it is the workers' devices that count.
  const isLocal = settings.SAM_ENCODE !== 'queue';
  if (settings.SAM_ENCODER_PRECISION === 'float16' && settings.SAM_DEVICE === 'cpu' && isLocal) {
    throw new OperatorError('SAM_ENCODER_PRECISION: float16 is for GPUs, not for SAM_DEVICE=cpu');
  }
  if ((settings.SAM_ENCODE !== 'local' || settings.SAM_QUEUE_URL) && !settings.SAM_REDIS_URL) {
    const name = settings.SAM_QUEUE_URL ? 'SAM_QUEUE_URL' : 'SAM_ENCODE';
    throw new OperatorError(
      `${name}: needs SAM_REDIS_URL, where encode workers leave what they make`,
    );
  }
  if (settings.SAM_ISOLATE_KEYS && !settings.SAM_API_KEYS_FILE) {
    throw new OperatorError(
      'SAM_ISOLATE_KEYS: needs SAM_API_KEYS_FILE, without which there are no keys',
    );
  }
  return settings;
}
