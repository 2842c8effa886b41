import PQueue from 'p-queue';
import { Piscina } from 'piscina';
import { SamError } from '../core/errors.js';
import { type Outcome, unwrap } from './outcome.js';

export interface LaneOptions {
  readonly name: string;
  /** Module whose default export answers one task; see `settle`. */
  readonly job: URL;
  readonly workers: number;
  /** Tasks that may wait beyond those that run. */
  readonly queueLimit: number;
  readonly workerData: unknown;
  /** Told of a worker that died between tasks; the pool has replaced it already. */
  readonly onWorkerLost: (error: unknown) => void;
}

/**
 * A bounded queue before a pool of worker threads. The pool runs the tasks and replaces workers that
 * die; the queue refuses what would wait too long, and forgets what nobody waits for any more.
 */
export class Lane<Task, Result> {
  readonly #pool: Piscina<Task, Outcome<Result>>;
  readonly #queue: PQueue;
  readonly #options: LaneOptions;
  /** Moving average of a task's milliseconds, from which Retry-After is guessed. */
  #pace = 1000;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#queue = new PQueue({ concurrency: options.workers });
    this.#pool = new Piscina({
      filename: options.job.href,
      minThreads: options.workers,
      maxThreads: options.workers,
      workerData: options.workerData,
      recordTiming: false,
    });
    this.#pool.on('error', options.onWorkerLost);
  }

  /** Tasks that wait and tasks that run. */
  get load(): { waiting: number; running: number } {
    return { waiting: this.#queue.size, running: this.#queue.pending };
  }

  /**
   * Runs tasks, all or none of which are admitted: results come in their order.
   * @param signal takes tasks out of the queue; one that runs already is finished.
   * @throws SamError `overloaded` when the queue is full, or whatever the first failing task threw.
   */
  async run(tasks: readonly Task[], signal?: AbortSignal): Promise<Result[]> {
    this.#admit(tasks.length);
    // The first failure empties the queue of its siblings too.
    const siblings = new AbortController();
    const leave = signal ? AbortSignal.any([signal, siblings.signal]) : siblings.signal;
    try {
      return await Promise.all(tasks.map((task) => this.#enqueue(task, leave)));
    } catch (error) {
      siblings.abort(error);
      throw error;
    }
  }

  /**
   * Gives every worker one task at the same time: `task` must hold its worker until all have one.
   * Queue and bound are passed by, as nothing is served yet.
   */
  async runOnEach(task: Task): Promise<Result[]> {
    const runs = Array.from({ length: this.#options.workers }, () => this.#pool.run(task));
    return (await Promise.all(runs)).map(unwrap);
  }

  /** Ends the workers; a task that runs is cut off. */
  async close(): Promise<void> {
    this.#queue.clear();
    await this.#pool.destroy();
  }

  #admit(tasks: number): void {
    const { workers, queueLimit, name } = this.#options;
    const free = Math.max(0, workers - this.#queue.pending);
    const { size } = this.#queue;
    // An idle lane takes any one request, however many tasks it has.
    const idle = size === 0 && this.#queue.pending === 0;
    if (idle || size + tasks <= free + queueLimit) return;
    const retryAfter = Math.max(1, Math.ceil((size * this.#pace) / workers / 1000));
    throw new SamError('overloaded', `the ${name} queue is full`, { retryAfter });
  }

  async #enqueue(task: Task, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    // Aborting a running task would free its place in the queue while its worker is still busy.
    const waiting = new AbortController();
    const leave = () => waiting.abort(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    return this.#queue.add(
      async () => {
        signal.removeEventListener('abort', leave);
        const start = performance.now();
        const outcome = await this.#pool.run(task);
        this.#pace += 0.2 * (performance.now() - start - this.#pace);
        return unwrap(outcome);
      },
      { signal: waiting.signal },
    );
  }
}
