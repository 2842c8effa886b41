import { randomUUID } from 'node:crypto';
import type { Caller } from '../../core/caller.js';
import type { Embedding } from '../../core/embedding.js';
import { SamError } from '../../core/errors.js';
import type { EmbeddingMaker, Made, MakeTask } from '../../core/making.js';
import type { CropTask, EmbeddingStore, Encoded } from '../../core/ports.js';
import { decodeFile } from '../../store/disk-format.js';
import type { Connection } from '../connection.js';
import { type Guard, NoAnswer } from '../guard.js';
import { keys } from '../keys.js';
import type { SharedStore } from '../shared-store.js';
import { type EncodeJob, type EncodeResult, jobId } from './encode-job.js';
import { type EncodeQueue, JobLost } from './encode-queue.js';
import type { Starts } from './starts.js';

/** How often a job is put into the queue that its Redis forgets, or whose embedding is gone before it is read. */
const TRIES = 3;
/** How long the shared store may take where an image depends on it, not just a look into a cache. */
const PATIENCE_MS = 2000;

export interface QueueMakerOptions {
  /** The model, or the detector, that the workers have by this name. */
  readonly lane: string;
  readonly queue: EncodeQueue;
  /** Where the queue is. */
  readonly redis: Connection;
  readonly guard: Guard;
  readonly shared: SharedStore;
  readonly starts: Starts;
  /** All tiers. */
  readonly store: EmbeddingStore;
  /** Looks at what an image declares to be. @throws SamError `image-too-large`, `image-unreadable` */
  readonly check: (image: Uint8Array) => void;
  /** Makes it in this process while the queue cannot be reached, where it may. */
  readonly local: EmbeddingMaker | undefined;
  readonly retryAfter: () => number;
  readonly onJoined: () => void;
  readonly onFallback: () => void;
}

/** Has embeddings made by the encode workers. */
export class QueueMaker implements EmbeddingMaker {
  readonly #options: QueueMakerOptions;

  constructor(options: QueueMakerOptions) {
    this.#options = options;
  }

  async make(task: MakeTask, caller: Caller): Promise<Made> {
    const { check } = this.#options;
    check(task.image);
    return this.#reaching(
      () => this.#make(task, caller),
      (local) => local.make(task, caller),
    );
  }

  makeCrop(whole: Embedding, task: CropTask, caller: Caller): Promise<Encoded> {
    return this.#reaching(
      () => this.#makeCrop(whole, task, caller),
      (local) => local.makeCrop(whole, task, caller),
    );
  }

  async #make({ key, model, image }: MakeTask, caller: Caller): Promise<Made> {
    const { lane, queue, shared, starts, store, onJoined } = this.#options;
    for (let tries = TRIES; ; tries--) {
      const deletions = await shared.begin(key, PATIENCE_MS);
      if (deletions === undefined) throw new NoAnswer('unreachable', 'the shared store is away');
      shared.end(key, deletions);
      const id = jobId(key, deletions);
      await starts.check(id);
      const { signal, trace, requestId } = caller;
      const job = { lane, key, model, deletions, image: keys.image(id), trace, requestId };
      try {
        const { result, first } = await queue.run({ id, job, image, signal, background: false });
        const found = await this.#read(job, result);
        if (found) {
          if (!first) onJoined();
          const { timings, warnings } = result;
          return { ...found, flight: first ? 'computed' : 'joined', timings, warnings };
        }
      } catch (error) {
        if (!(error instanceof JobLost)) throw error;
        const found = await store.get(key);
        if (found) return { ...found, flight: 'joined', timings: {} };
      }
      if (tries === 1) throw this.#unavailable('the embedding was made and is gone again');
    }
  }

  async #makeCrop(whole: Embedding, { image, crop }: CropTask, caller: Caller): Promise<Encoded> {
    const { lane, queue } = this.#options;
    const { id: _, model, image: __, tensors: ___, ...rest } = whole;
    const key = { ...rest, id: whole.id };
    // Crops of one image lie beside each other: its bytes go to Redis once.
    const at = keys.image(`${jobId(key, '0')}-crops`);
    const { signal, trace, requestId } = caller;
    const job = { lane, key, model, deletions: '0', image: at, crop, trace, requestId };
    for (let tries = TRIES; ; tries--) {
      try {
        const order = { id: randomUUID(), job, image, signal, background: true };
        const { result } = await queue.run(order);
        const found = await this.#read(job, result);
        if (found) {
          const { timings, warnings } = result;
          return { image: result.image, tensors: found.embedding.tensors, timings, warnings };
        }
      } catch (error) {
        if (!(error instanceof JobLost)) throw error;
      }
      if (tries === 1)
        throw this.#unavailable('the embedding of a crop was made and is gone again');
    }
  }

  /** What a job has made. */
  async #read({ key }: EncodeJob, { once }: EncodeResult) {
    const { guard, redis, store } = this.#options;
    if (once === undefined) return store.get(key);
    const file = await guard.ask('get once', () => redis.getBuffer(once));
    const embedding = file && (await decodeFile(key, file).catch(() => undefined));
    return embedding ? { embedding } : undefined;
  }

  async #reaching<T>(
    fleet: () => Promise<T>,
    alone: (local: EmbeddingMaker) => Promise<T>,
  ): Promise<T> {
    try {
      return await fleet();
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const { local, onFallback } = this.#options;
      if (!local)
        throw this.#unavailable('the queue of the encode workers cannot be reached', error);
      onFallback();
      return alone(local);
    }
  }

  #unavailable(why: string, cause?: unknown): SamError {
    return new SamError('overloaded', why, { retryAfter: this.#options.retryAfter(), cause });
  }
}
