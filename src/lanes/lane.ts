import type { Caller } from '../core/caller.js';
import { CLOCK, type Clock } from '../core/clock.js';
import { DeviceLost } from '../core/errors.js';
import { countTasks } from '../engine/crowd.js';
import type { Kind, ResultOf, TaskOf } from './jobs/job.js';
import { type Outcome, unwrap } from './jobs/outcome.js';
import type { Downstream, LaneOptions } from './lane-options.js';
import { type Load, total } from './load.js';
import { Admission } from './queue/admission.js';
import { BulkShare } from './queue/bulk-share.js';
import { type LaneTask, type NewTask, Queue, type QueuedTask } from './queue/queue.js';
import { book, runBatch } from './workers/batch.js';
import { Worker } from './workers/worker.js';

/**
 * A bounded queue before worker threads. It steers tasks to a worker that is prepared for them, refuses what would
 * wait too long, and forgets what nobody waits for any more.
 */
export class Lane<J extends object, Settings> implements Downstream {
  readonly #name: string;
  readonly #options: LaneOptions<Settings>;
  readonly #workers: Worker[];
  readonly #queue: Queue;
  readonly #admission: Admission;
  readonly #bulk: BulkShare;
  readonly #clock: Clock;
  /** Workers that run tasks somebody waits for. */
  #urgent = 0;
  /** Moving average of a task's milliseconds, from which Retry-After is guessed. */
  #averageMs = 1000;
  /** Tasks of one group that may run as one batch. */
  protected batch = 1;

  /** @param job the module, as a URL. */
  constructor(name: string, job: URL, options: LaneOptions<Settings>) {
    const { workers, timeouts, settings, affinityLimit = 1, clock = CLOCK } = options;
    this.#name = name;
    this.#options = options;
    this.#clock = clock;
    this.#queue = new Queue(timeouts.queueMs, clock, ({ reject }) => {
      const message = `no ${name} worker was free in time`;
      reject(this.#admission.refusal('queue-timeout', message));
    });
    this.#admission = new Admission(name, options, this.#queue, this);
    this.#bulk = new BulkShare(
      clock,
      () => options.othersWork?.() ?? 0,
      () => this.#dispatch(),
    );
    this.#workers = Array.from(
      { length: workers },
      () => new Worker(job, settings, affinityLimit, options.onWorkerLost),
    );
  }

  /** Workers, each of which runs one task or batch at a time. */
  get workers(): number {
    return this.#workers.length;
  }

  /** Tasks that wait and workers that run some. */
  get load(): Load {
    const running = this.#workers.filter(({ busy }) => busy).length;
    return { waiting: this.#queue.length, running };
  }

  /** The same of tasks that somebody waits for. */
  get urgent(): Load {
    return { waiting: this.#queue.urgent, running: this.#urgent };
  }

  /** Tasks that its workers can take at once. */
  get capacity(): number {
    return this.#workers.length * this.batch;
  }

  /** Milliseconds of a task, as of late. */
  get averageMs(): number {
    return this.#averageMs;
  }

  /**
   * Runs tasks of one kind, all or none of which are admitted: results come in their order.
   * @param caller takes tasks out of the queue when it leaves; its memory stays booked while one runs.
   * @throws SamError `overloaded` when the queue is full or a client with fewer tasks needs the place, `queue-timeout`,
   *   `inference-timeout`, or whatever the first failing task threw.
   */
  protected async run<K extends Kind<J>>(
    kind: K,
    tasks: readonly LaneTask<TaskOf<J, K>>[],
    caller?: Caller,
  ): Promise<ResultOf<J, K>[]> {
    const bulk = this.#bulk.ask(tasks.length, caller !== undefined);
    this.#admission.makeRoom(tasks.length, caller);
    // The first failure takes its siblings out of the queue too; a click has none.
    const siblings = new AbortController();
    const { signal } = siblings;
    const leave =
      caller && tasks.length > 1
        ? AbortSignal.any([caller.signal, signal])
        : (caller?.signal ?? signal);
    const request = { kind, background: false, bulk, caller, request: siblings };
    try {
      const answers = tasks.map((task) => this.#enqueue({ ...task, ...request }, leave));
      return (await Promise.all(answers)) as ResultOf<J, K>[];
    } catch (error) {
      siblings.abort(error);
      throw error;
    }
  }

  /** As `run`, of one task. */
  protected async runOne<K extends Kind<J>>(
    kind: K,
    task: LaneTask<TaskOf<J, K>>,
    caller?: Caller,
  ): Promise<ResultOf<J, K>> {
    const results = await this.run(kind, [task], caller);
    return results[0] as ResultOf<J, K>;
  }

  /**
   * Runs a part of long work once no task of `run` waits, so that those wait for no more than such a part. The
   * caller bounds how much of it there is: it takes no place in the queue.
   * @param caller takes the task out of the queue when it leaves; its memory stays booked while it runs.
   * @throws SamError `inference-timeout`, or whatever the task threw
   */
  protected async runInBackground<K extends Kind<J>>(
    kind: K,
    task: LaneTask<TaskOf<J, K>>,
    caller: Caller,
  ): Promise<ResultOf<J, K>> {
    const long = { ...task, kind, background: true, bulk: true, caller, request: {} };
    return (await this.#enqueue(long, caller.signal)) as ResultOf<J, K>;
  }

  /** Ends the workers, each after the task that it runs; what waits is not begun. */
  async close(): Promise<void> {
    this.#admission.stop();
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  /** Ends the workers with what they run; one in native code when it comes out of it. */
  async stop(): Promise<void> {
    const reason = this.#admission.stop();
    await Promise.all(this.#workers.map((worker) => worker.stop(reason)));
  }

  /** @throws SamError `overloaded` when not even one task more is admitted */
  checkRoom(caller?: Caller): void {
    this.#admission.check(1, caller);
  }

  /** Seconds until what waits now should have run. */
  get retryAfter(): number {
    return this.#admission.retryAfter;
  }

  /** To be called when the lane after this one has finished a task. */
  resume(): void {
    this.#dispatch();
  }

  /** Runs an export of the job in every worker, as soon as that is free. */
  protected everywhere<T>(name: keyof J & string, input?: unknown): Promise<T[]> {
    return Promise.all(
      this.#workers.map(async (worker) => {
        await worker.take();
        try {
          const outcome = await worker.run<Outcome<T>>(name, input).answer;
          // Whoever starts the service hears why; clients do not.
          if ('deviceLost' in outcome) throw new DeviceLost(outcome.deviceLost);
          return unwrap(outcome);
        } finally {
          this.#release(worker);
        }
      }),
    );
  }

  async #enqueue(task: NewTask, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    this.#admission.throwIfStopped();
    const outcome = this.#queue.outcomeOf(task, signal);
    this.#dispatch();
    return unwrap(await outcome);
  }

  /** Gives work to idle workers. */
  #dispatch(): void {
    const { crowd, othersWork } = this.#options;
    if (crowd) countTasks(crowd, total(this.load) + (othersWork?.() ?? 0));
    for (;;) {
      const allows = this.#bulk.allowed();
      const first = this.#queue.first(allows);
      const idle = this.#workers.filter(({ busy }) => !busy);
      const worker = idle.find((each) => each.isWarm(first?.affinityKey)) ?? idle[0];
      if (!first || !worker || this.#admission.isAhead(first)) return;
      const [head, ...others] = this.#queue.take(worker, this.batch, allows).filter(book);
      if (head) this.#serve(worker, [head, ...others]);
    }
  }

  #release(worker: Worker): void {
    worker.release();
    this.#dispatch();
  }

  #serve(worker: Worker, batch: readonly [QueuedTask, ...QueuedTask[]]): void {
    const [first] = batch;
    void worker.take();
    if (!first.background) this.#urgent++;
    this.#bulk.begin(first);
    void runBatch(worker, batch, {
      name: this.#name,
      runMs: this.#options.timeouts.runMs,
      clock: this.#clock,
      onAnswered: (ms) => {
        for (const task of batch) this.#queue.charge(task, ms / this.#averageMs);
        if (!first.background) this.#averageMs += 0.2 * (ms - this.#averageMs);
      },
      onTask: this.#options.onTask,
      onOver: (ms) => {
        if (!first.background) this.#urgent--;
        this.#bulk.end(first, ms);
        this.#release(worker);
      },
    });
  }
}
