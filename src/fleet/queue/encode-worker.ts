import { randomUUID } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import type { Logger } from 'pino';
import type { Embedding } from '../../core/embedding.js';
import { SamError } from '../../core/errors.js';
import type { Encoded, Timings } from '../../core/ports.js';
import type { Box } from '../../core/prompt.js';
import { encodeFile } from '../../store/disk-format.js';
import type { Connection } from '../connection.js';
import { type Guard, NoAnswer } from '../guard.js';
import { keys } from '../keys.js';
import type { SharedStore } from '../shared-store.js';
import {
  type EncodeJob,
  type EncodeResult,
  ONCE_TTL_MS,
  PREFIX,
  QUEUE,
  reasonOf,
} from './encode-job.js';
import { SAID_MS, sayNoMore, sayPace } from './fleet-load.js';
import { Gate } from './gate.js';
import type { JobReport } from './job-report.js';
import { Starts } from './starts.js';

/** A worker that does not renew its lock for so long is dead, and its jobs run elsewhere. */
const LOCK_MS = 6000;
const RENEW_MS = 1500;
const STALLED_MS = 1500;
/** After a Redis that was away. */
const RETRY_MS = 1000;
/** How long a finished embedding is held for a Redis that is away. */
const KEEP_TRIES = 30;

/** Makes an embedding of an image, or of a part of it. */
export type Encode = (image: Uint8Array, crop: Box | undefined) => Promise<Encoded>;

export interface EncodeWorkerOptions {
  /** Where the queue is; `patient` waits for a connection that is lost. */
  readonly redis: Connection;
  readonly patient: Connection;
  readonly guard: Guard;
  readonly shared: SharedStore;
  /** By the names of models and detectors: what stands for all that shapes an embedding, and what makes it. */
  readonly lanes: ReadonlyMap<string, { readonly fingerprint: string; readonly encode: Encode }>;
  /** Jobs at once: those that the networks run together, and those that are prepared meanwhile. */
  readonly concurrency: number;
  /** Images a second, as of late. */
  readonly perSecond: () => number;
  readonly onJob: (job: JobReport) => void;
  readonly onStalled: () => void;
  readonly logger: Logger;
}

/**
 * Takes jobs from the queue and leaves embeddings in the shared store. Networks run in threads of their own, so that
 * nothing keeps this one from renewing its locks.
 */
export class EncodeWorker {
  readonly #options: EncodeWorkerOptions;
  readonly #worker: Worker<EncodeJob, EncodeResult>;
  readonly #gate = new Gate();
  readonly #starts: Starts;
  readonly #name = randomUUID();
  #saying: NodeJS.Timeout | undefined;

  constructor(options: EncodeWorkerOptions) {
    this.#options = options;
    this.#starts = new Starts(options.redis, options.guard, options.logger);
    this.#worker = new Worker(QUEUE, (job) => this.#process(job), {
      connection: options.patient,
      prefix: PREFIX,
      skipVersionCheck: true,
      autorun: false,
      concurrency: options.concurrency,
      lockDuration: LOCK_MS,
      lockRenewTime: RENEW_MS,
      stalledInterval: STALLED_MS,
      // Deaths are counted where one job alone is to blame.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      runRetryDelay: RETRY_MS,
    });
    this.#worker.on('error', ({ message }) => options.logger.debug({ reason: message }, 'queue'));
    this.#worker.on('stalled', () => options.onStalled());
  }

  /** Begins to take jobs. */
  start(): void {
    void this.#worker.run();
    const say = () => {
      const { guard, redis, perSecond } = this.#options;
      void guard.ask('say', () => sayPace(redis, this.#name, perSecond()));
    };
    say();
    this.#saying = setInterval(say, SAID_MS / 5).unref();
  }

  /** Takes no more jobs, and resolves when those that it has are done. */
  async close(): Promise<void> {
    clearInterval(this.#saying);
    const { guard, redis } = this.#options;
    await guard.ask('say', () => sayNoMore(redis, this.#name));
    await this.#worker.close();
  }

  async #process(job: Job<EncodeJob, EncodeResult>): Promise<EncodeResult> {
    const start = Date.now();
    const attempts = job.attemptsStarted;
    const waitMs = Math.max(0, start - job.timestamp);
    let outcome: JobReport['outcome'] = 'failed';
    let timings: Timings = {};
    try {
      // A job whose worker has ended runs by itself: others are not to suffer for it, nor it for them.
      const again = attempts > 1;
      const found = again ? await this.#find(job.data) : undefined;
      const result =
        found ??
        (again
          ? await this.#gate.alone(async () => {
              await this.#starts.count(job.id as string);
              return this.#make(job);
            })
          : await this.#gate.beside(() => this.#make(job)));
      outcome = found ? 'found' : 'made';
      timings = result.timings;
      const { queue_ms = 0, ...steps } = timings;
      return { ...result, timings: { queue_ms: queue_ms + waitMs, ...steps } };
    } catch (error) {
      if (error instanceof SamError && error.code === 'image-abandoned') outcome = 'abandoned';
      if (!(error instanceof SamError)) this.#options.logger.error({ err: error }, 'a job failed');
      throw new UnrecoverableError(reasonOf(error));
    } finally {
      await this.#tidy(job);
      const { lane, key, trace, requestId } = job.data;
      const runMs = Date.now() - start;
      const about = { lane, embedding: key.id, trace, requestId };
      this.#options.onJob({ ...about, outcome, waitMs, runMs, attempts, start, timings });
    }
  }

  /** Whoever ran it before may have left it there. */
  async #find({ key, crop }: EncodeJob): Promise<EncodeResult | undefined> {
    const found = crop ? undefined : await this.#options.shared.get(key);
    return found && { image: found.embedding.image, timings: {}, warnings: [] };
  }

  async #make({ id, data }: Job<EncodeJob, EncodeResult>): Promise<EncodeResult> {
    const { key, model, crop, deletions } = data;
    const lane = this.#laneOf(data);
    const image = await this.#image(data);
    const { timings, warnings = [], ...made } = await lane.encode(image, crop);
    const embedding: Embedding = { ...key, model, ...made };
    const result = { image: made.image, timings, warnings };
    if (crop || !(await this.#keep(data, embedding, deletions))) {
      // For who waits for it, and nobody else.
      const once = keys.once(id as string);
      const file = await encodeFile(key, embedding);
      const { guard, redis } = this.#options;
      await this.#persist(() =>
        guard.insist('set once', () => redis.set(once, file, 'PX', ONCE_TTL_MS)),
      );
      return { ...result, once };
    }
    return result;
  }

  /** @throws SamError `overloaded` where the service asks for what is not made here */
  #laneOf({ lane, key }: EncodeJob) {
    const found = this.#options.lanes.get(lane);
    if (found?.fingerprint === key.fingerprint) return found;
    this.#options.logger.error({ lane }, 'a job is for another model, version or precision');
    const message = 'the encode workers have another model, version or precision than this service';
    throw new SamError('overloaded', message, { retryAfter: 30 });
  }

  async #image({ image }: EncodeJob): Promise<Buffer> {
    const { guard, redis } = this.#options;
    const bytes = await this.#persist(() =>
      guard.insist('get image', () => redis.getBuffer(image)),
    );
    if (bytes) return bytes;
    throw new SamError('overloaded', 'the image waited too long and is gone', { retryAfter: 1 });
  }

  #keep({ key }: EncodeJob, embedding: Embedding, deletions: string): Promise<boolean> {
    return this.#persist(() => this.#options.shared.keep(key, embedding, deletions));
  }

  /** Asks again and again while Redis is away: what was made is worth more than the wait. */
  async #persist<T>(question: () => Promise<T>): Promise<T> {
    for (let tries = KEEP_TRIES; ; tries--) {
      try {
        return await question();
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        if (tries === 1 || error.how === 'refused') {
          const why = `what was made could not be kept: ${error.message}`;
          throw new SamError('overloaded', why, { retryAfter: 5 });
        }
        await after(RETRY_MS);
      }
    }
  }

  async #tidy({ id = '', data }: Job<EncodeJob, EncodeResult>): Promise<void> {
    const { guard, redis } = this.#options;
    // Crops share their image.
    const gone = data.crop ? [] : [data.image];
    await guard.ask('tidy', async () => {
      for (const key of [...gone, keys.starts(id), keys.waiters(id)]) await redis.unlink(key);
    });
  }
}
