import { randomUUID } from 'node:crypto';
import { Queue, QueueEvents } from 'bullmq';
import { SamError } from '../../core/errors.js';
import type { Connection } from '../connection.js';
import type { Guard } from '../guard.js';
import { keys } from '../keys.js';
import {
  type EncodeJob,
  type EncodeResult,
  errorOf,
  IMAGE_TTL_MS,
  PREFIX,
  QUEUE,
} from './encode-job.js';
import { Waiter } from './waiter.js';

/** Between two looks at a job of which nothing is heard. */
const LOOK_MS = 1000;
/** Milliseconds without an answer after which the queue is as good as gone. */
const BLIND_MS = 3000;
/** Of crops: whoever waits for a whole image goes first. */
const BEHIND = 10;

/** A job is gone without a word: its Redis has forgotten it. */
export class JobLost extends Error {
  override readonly name = 'JobLost';
}

export interface Order {
  readonly id: string;
  readonly job: EncodeJob;
  readonly image: Uint8Array;
  /** Whether others go first. */
  readonly background: boolean;
  readonly signal: AbortSignal;
}

export interface EncodeQueueOptions {
  /** Jobs that may wait. */
  readonly limit: number;
  /** Milliseconds a job may wait, and may run. */
  readonly queueMs: number;
  readonly runMs: number;
  /** Seconds after which there should be room. */
  readonly retryAfter: () => number;
}

/** The queue of the encode workers, as those who want embeddings see it. */
export class EncodeQueue {
  readonly #redis: Connection;
  readonly #guard: Guard;
  readonly #options: EncodeQueueOptions;
  readonly #queue: Queue<EncodeJob, EncodeResult>;
  readonly #events: QueueEvents<EncodeResult>;
  readonly #self = randomUUID();
  readonly #waiting = new Map<string, Set<Waiter>>();

  /** @param patient a connection whose commands wait for it: events are listened for on a copy. */
  constructor(redis: Connection, patient: Connection, guard: Guard, options: EncodeQueueOptions) {
    this.#redis = redis;
    this.#guard = guard;
    this.#options = options;
    const common = { prefix: PREFIX, skipVersionCheck: true };
    this.#queue = new Queue(QUEUE, { ...common, connection: redis, skipWaitingForReady: true });
    this.#events = new QueueEvents(QUEUE, { ...common, connection: patient });
    // Connections tell of themselves.
    this.#queue.on('error', () => {});
    this.#events.on('error', () => {});
    this.#events.on('active', ({ jobId }) => this.#tell(jobId, (waiter) => waiter.begin()));
    this.#events.on('completed', ({ jobId, returnvalue }) =>
      this.#tell(jobId, (waiter) => waiter.end({ result: returnvalue })),
    );
    this.#events.on('failed', ({ jobId, failedReason }) =>
      this.#tell(jobId, (waiter) => waiter.end({ error: errorOf(failedReason) })),
    );
  }

  /** What waits, and since when the first of it does. @throws NoAnswer */
  look(): Promise<{ waiting: number; crops: number; active: number; oldest: number | undefined }> {
    return this.#guard.insist('queue', async () => {
      const counts = await this.#queue.getJobCounts('wait', 'prioritized', 'active');
      const { wait = 0, prioritized = 0, active = 0 } = counts;
      const [first] = wait > 0 ? await this.#queue.getJobs(['wait'], 0, 0, true) : [];
      return { waiting: wait, crops: prioritized, active, oldest: first?.timestamp };
    });
  }

  /**
   * Has an image encoded, with all who ask for the same.
   * @returns what came of it, and whether this was the first who asked.
   * @throws NoAnswer, JobLost, SamError `overloaded`, `queue-timeout`, `inference-timeout`, and what the worker threw
   */
  async run(order: Order): Promise<{ result: EncodeResult; first: boolean }> {
    const { id, signal } = order;
    const waiter = new Waiter();
    const waiters = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiters.add(waiter));
    let left = false;
    try {
      const first = await this.#add(order);
      return { result: await this.#outcome(id, waiter, signal), first };
    } catch (error) {
      left = !(error instanceof JobLost);
      throw error;
    } finally {
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#waiting.get(id) === waiters) this.#waiting.delete(id);
      if (left) void this.#leave(order).catch(() => {});
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#queue.close(), this.#events.close()]);
  }

  /** @returns whether it is new */
  async #add({ id, job, image, background }: Order): Promise<boolean> {
    const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
    const put = await this.#guard.insist('put image', async () => {
      await this.#redis.sadd(keys.waiters(id), this.#self);
      await this.#redis.pexpire(keys.waiters(id), IMAGE_TTL_MS);
      return this.#redis.set(job.image, bytes, 'PX', IMAGE_TTL_MS, 'NX');
    });
    const first = put === 'OK';
    if (first && !background) await this.#checkRoom(job.image);
    await this.#guard.insist('add job', () =>
      this.#queue.add(job.lane, job, {
        jobId: id,
        removeOnComplete: true,
        removeOnFail: true,
        ...(background && { priority: BEHIND }),
      }),
    );
    return first;
  }

  async #checkRoom(image: string): Promise<void> {
    const { limit, retryAfter } = this.#options;
    const waiting = await this.#guard.insist('queue', () => this.#queue.getWaitingCount());
    if (waiting < limit) return;
    await this.#guard.ask('drop image', () => this.#redis.del(image));
    const why = 'the queue of the encode workers is full';
    throw new SamError('overloaded', why, { retryAfter: retryAfter() });
  }

  /** Waits for a job's end: events tell of it, and looks find out where they were missed. */
  async #outcome(id: string, waiter: Waiter, signal: AbortSignal): Promise<EncodeResult> {
    const { queueMs, runMs, retryAfter } = this.#options;
    let seen = performance.now();
    let missing = 0;
    for (;;) {
      const ending = await waiter.ended(LOOK_MS, signal);
      if (ending && 'error' in ending) throw ending.error;
      if (ending) return ending.result;
      if (waiter.waited > queueMs) {
        const wait = { retryAfter: retryAfter() };
        throw new SamError('queue-timeout', 'no encode worker was free in time', wait);
      }
      if (waiter.ran > runMs) throw new SamError('inference-timeout', 'the encode took too long');
      const state = await this.#guard
        .insist('state', () => this.#queue.getJobState(id))
        .catch((error) => {
          if (performance.now() - seen > BLIND_MS) throw error;
          return undefined;
        });
      if (state === undefined) continue;
      seen = performance.now();
      // An event may be on its way still.
      missing = state === 'unknown' ? missing + 1 : 0;
      if (missing > 1) throw new JobLost(id);
      if (state === 'active') waiter.begin();
    }
  }

  /** Takes a job out that nobody waits for any more. One that has begun goes on. */
  async #leave({ id, job, background }: Order): Promise<void> {
    if (this.#waiting.has(id)) return;
    const others = await this.#guard.insist('leave', async () => {
      await this.#redis.srem(keys.waiters(id), this.#self);
      return this.#redis.scard(keys.waiters(id));
    });
    if (others > 0) return;
    const removed = await this.#guard.insist('remove', () => this.#queue.remove(id));
    if (removed === 1 && !background)
      await this.#guard.ask('drop image', () => this.#redis.del(job.image));
  }

  #tell(id: string, tell: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiting.get(id) ?? []) tell(waiter);
  }
}
