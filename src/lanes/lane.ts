import PQueue from 'p-queue';
import { Piscina } from 'piscina';
import type { Provider } from '../core/device.js';
import { SamError } from '../core/errors.js';
import { type Outcome, unwrap } from './outcome.js';
import type { WarmUp } from './warm-up.js';

/** A module that runs in the workers: each export answers one kind of task. */
interface Job {
  warmUp(task: WarmUp): Promise<Outcome<Provider>>;
}
type Kind<J extends Job> = Exclude<keyof J, 'warmUp'> & string;
type TaskOf<J, K extends keyof J> = J[K] extends (task: infer T) => unknown ? T : never;
type ResultOf<J, K extends keyof J> = J[K] extends (task: never) => Promise<Outcome<infer R>>
  ? R
  : never;

/** The size of a lane and what its workers are given. */
export interface LaneOptions<Settings> {
  readonly workers: number;
  /** Tasks that may wait beyond those that run. */
  readonly queueLimit: number;
  readonly settings: Settings;
  /** Told of a worker that died between tasks; the pool has replaced it already. */
  readonly onWorkerLost: (error: unknown) => void;
}

/**
 * A bounded queue before a pool of worker threads. The pool runs the tasks and replaces workers that
 * die; the queue refuses what would wait too long, and forgets what nobody waits for any more.
 */
export class Lane<J extends Job, Settings> {
  readonly #name: string;
  readonly #pool: Piscina<unknown, Outcome<unknown>>;
  readonly #queue: PQueue;
  readonly #options: LaneOptions<Settings>;
  /** Moving average of a task's milliseconds, from which Retry-After is guessed. */
  #pace = 1000;

  /** @param job the module, as a URL. */
  constructor(name: string, job: URL, options: LaneOptions<Settings>) {
    this.#name = name;
    this.#options = options;
    this.#queue = new PQueue({ concurrency: options.workers });
    this.#pool = new Piscina({
      filename: job.href,
      minThreads: options.workers,
      maxThreads: options.workers,
      workerData: options.settings,
      recordTiming: false,
    });
    this.#pool.on('error', options.onWorkerLost);
  }

  /** Tasks that wait and tasks that run. */
  get load(): { waiting: number; running: number } {
    return { waiting: this.#queue.size, running: this.#queue.pending };
  }

  /**
   * Loads the network in every worker and runs it once.
   * @returns the provider it runs on.
   * @throws StartupError when it does not load
   */
  async warmUp(): Promise<Provider> {
    const { workers } = this.#options;
    const task: WarmUp = { warm: new SharedArrayBuffer(4), workers };
    const runs = Array.from({ length: workers }, () => this.#pool.run(task, { name: 'warmUp' }));
    const [provider] = (await Promise.all(runs)).map(unwrap);
    return provider as Provider;
  }

  /**
   * Runs tasks of one kind, all or none of which are admitted: results come in their order.
   * @param signal takes tasks out of the queue; one that runs already is finished.
   * @throws SamError `overloaded` when the queue is full, or whatever the first failing task threw.
   */
  protected async run<K extends Kind<J>>(
    kind: K,
    tasks: readonly TaskOf<J, K>[],
    signal?: AbortSignal,
  ): Promise<ResultOf<J, K>[]> {
    this.#admit(tasks.length);
    // The first failure takes its siblings out of the queue too.
    const siblings = new AbortController();
    const leave = signal ? AbortSignal.any([signal, siblings.signal]) : siblings.signal;
    try {
      const results = await Promise.all(tasks.map((task) => this.#enqueue(kind, task, leave)));
      return results as ResultOf<J, K>[];
    } catch (error) {
      siblings.abort(error);
      throw error;
    }
  }

  /** Ends the workers; a task that runs is cut off. */
  async close(): Promise<void> {
    this.#queue.clear();
    await this.#pool.destroy();
  }

  #admit(tasks: number): void {
    const { workers, queueLimit } = this.#options;
    const free = Math.max(0, workers - this.#queue.pending);
    const { size } = this.#queue;
    // An idle lane takes any one request, however many tasks it has.
    const idle = size === 0 && this.#queue.pending === 0;
    if (idle || size + tasks <= free + queueLimit) return;
    const retryAfter = Math.max(1, Math.ceil((size * this.#pace) / workers / 1000));
    throw new SamError('overloaded', `the ${this.#name} queue is full`, { retryAfter });
  }

  async #enqueue(kind: string, task: unknown, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    // Aborting a running task would free its place in the queue while its worker is still busy.
    const waiting = new AbortController();
    const leave = () => waiting.abort(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    return this.#queue.add(
      async () => {
        signal.removeEventListener('abort', leave);
        const start = performance.now();
        const outcome = await this.#pool.run(task, { name: kind });
        this.#pace += 0.2 * (performance.now() - start - this.#pace);
        return unwrap(outcome);
      },
      { signal: waiting.signal },
    );
  }
}
