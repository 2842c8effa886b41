import { setMaxListeners } from 'node:events';
import type { Caller } from '../core/caller.js';
import type { Provider } from '../core/device.js';
import { SamError } from '../core/errors.js';
import type { Job, Kind, ResultOf, TaskOf } from './jobs/job.js';
import { type Outcome, unwrap } from './jobs/outcome.js';
import type { Downstream, LaneOptions, Load } from './lane-options.js';
import { type LaneTask, Queue, type QueuedTask } from './queue/queue.js';
import { reportOf, withWait } from './task-report.js';
import { Worker } from './workers/worker.js';

/** Beyond a full queue clients that have little in it are let in, until it holds so many times as much. */
const OTHERS_ROOM = 4;
/** What of a queue's places is little. */
const SMALL_SHARE = 4;
/** A request of more tasks is a large one. */
const MOST_TOGETHER = 2;
/** After so many milliseconds without a small request, large ones take all workers. */
const QUIET_MS = 2000;
/** Beside other work, a part of long work is followed by a pause so many times as long. */
const REST = 3;

/**
 * A bounded queue before worker threads. It steers tasks to a worker that is prepared for them, refuses what would
 * wait too long, and forgets what nobody waits for any more.
 */
export class Lane<J extends Job, Settings> implements Downstream {
  readonly #name: string;
  readonly #options: LaneOptions<Settings>;
  readonly #workers: Worker[];
  readonly #queue: Queue;
  /** Workers that run tasks somebody waits for. */
  #urgent = 0;
  /** Workers that run parts of large requests or of long work. */
  #bulk = 0;
  /** Runs while others have the processor to themselves, if they need it. */
  #resting: NodeJS.Timeout | undefined;
  /** When the last task came that somebody waits for. */
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Moving average of a task's milliseconds, from which Retry-After is guessed. */
  #averageMs = 1000;
  /** Tasks of one group that may run as one batch. */
  #batch = 1;
  #stopping: SamError | undefined;

  /** @param job the module, as a URL. */
  constructor(name: string, job: URL, options: LaneOptions<Settings>) {
    const { workers, timeouts, settings, affinityLimit = 1, onWorkerLost } = options;
    this.#name = name;
    this.#options = options;
    this.#queue = new Queue(timeouts.queueMs, ({ reject }) => {
      reject(this.#refusal('queue-timeout', `no ${name} worker was free in time`));
    });
    this.#workers = Array.from(
      { length: workers },
      () => new Worker(job, settings, affinityLimit, onWorkerLost),
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
    return this.#workers.length * this.#batch;
  }

  /** Milliseconds of a task, as of late. */
  get averageMs(): number {
    return this.#averageMs;
  }

  /**
   * Loads a model's network in every worker.
   * @param batch tells how many tasks of a group run together on the provider.
   * @returns the provider it runs on.
   * @throws StartupError when it does not load
   */
  async loadModel(
    model: string,
    batch: (provider: Provider) => number = () => 1,
  ): Promise<Provider> {
    const [provider] = (await this.#everywhere<Provider>('load', model)) as [Provider];
    this.#batch = batch(provider);
    return provider;
  }

  /** Runs a model's network once in every worker, so that no request pays for its first run. */
  async warmUp(model: string): Promise<void> {
    await this.#everywhere<void>('warmUp', model);
  }

  /**
   * Runs tasks of one kind, all or none of which are admitted: results come in their order.
   * @param caller takes tasks out of the queue when it leaves; its memory stays booked while one runs.
   * @throws SamError `overloaded` when the queue is full or a client with fewer tasks needs the place, `queue-timeout`,
   *   `inference-timeout`, or whatever the first failing task threw.
   */
  protected async run<K extends Kind<J>>(
    kind: K,
    errands: readonly LaneTask<TaskOf<J, K>>[],
    caller?: Caller,
  ): Promise<ResultOf<J, K>[]> {
    if (caller && errands.length <= MOST_TOGETHER) this.#askedAt = performance.now();
    this.#makeRoom(this.#admit(errands.length, caller));
    // The first failure takes its siblings out of the queue too.
    const siblings = new AbortController();
    const { signal } = siblings;
    const leave = caller ? AbortSignal.any([caller.signal, signal]) : signal;
    const bulk = errands.length > MOST_TOGETHER;
    const request = { kind, background: false, bulk, caller, request: siblings };
    try {
      const answers = errands.map((errand) => this.#enqueue({ ...errand, ...request }, leave));
      return (await Promise.all(answers)) as ResultOf<J, K>[];
    } catch (error) {
      siblings.abort(error);
      throw error;
    }
  }

  /**
   * Runs a part of long work once no task of `run` waits, so that those wait for no more than such a part. Whoever
   * calls this bounds how much of it there is: it takes no place in the queue.
   * @param caller takes the task out of the queue when it leaves; its memory stays booked while it runs.
   * @throws SamError `inference-timeout`, or whatever the task threw
   */
  protected async runInBackground<K extends Kind<J>>(
    kind: K,
    errand: LaneTask<TaskOf<J, K>>,
    caller: Caller,
  ): Promise<ResultOf<J, K>> {
    const ticket = { ...errand, kind, background: true, bulk: true, caller, request: {} };
    return (await this.#enqueue(ticket, caller.signal)) as ResultOf<J, K>;
  }

  /** Ends the workers, each after the task that it runs; what waits is not begun. */
  async close(): Promise<void> {
    this.#refuseAll();
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  /** Ends the workers with what they run; one in native code when it comes out of it. */
  async stop(): Promise<void> {
    const reason = this.#refuseAll();
    await Promise.all(this.#workers.map((worker) => worker.stop(reason)));
  }

  /** @throws SamError `overloaded` when not even one task more is admitted */
  checkRoom(caller?: Caller): void {
    this.#admit(1, caller);
  }

  /** Seconds until what waits now should have run. */
  get retryAfter(): number {
    const { workers, downstream } = this.#options;
    const pace = Math.max(this.#averageMs, downstream?.averageMs ?? 0);
    return Math.max(1, Math.ceil((this.#queue.urgent * pace) / workers / 1000));
  }

  /** To be called when the lane after this one has finished a task. */
  resume(): void {
    this.#dispatch();
  }

  /** Runs an export of the job in every worker, as soon as that is free. */
  #everywhere<T>(name: keyof Job, model: string): Promise<T[]> {
    return Promise.all(
      this.#workers.map(async (worker) => {
        await worker.take();
        try {
          return unwrap(await worker.run<Outcome<T>>(name, model).answer);
        } finally {
          this.#release(worker);
        }
      }),
    );
  }

  /** @returns what has to give way to so many tasks. @throws SamError `overloaded` */
  #admit(tasks: number, caller: Caller | undefined): readonly QueuedTask[] {
    const { workers, queueLimit, downstream } = this.#options;
    const waiting = this.#queue.urgent;
    // What was handed on is not done yet.
    const handedOn = downstream ? downstream.urgent.waiting + downstream.urgent.running : 0;
    const running = this.#urgent + handedOn;
    const excess = waiting + tasks - (workers - running + queueLimit);
    // An idle lane takes any one request, however many tasks it has.
    if (waiting + running === 0 || excess <= 0) return [];
    const heavier = this.#queue.toPushOut(caller, tasks, excess);
    if (heavier) return heavier;
    const own = this.#queue.waiting(caller) + tasks;
    const extra = waiting + tasks <= OTHERS_ROOM * queueLimit;
    // Others that have filled the queue do not keep a client out that asks for little.
    if (own <= Math.floor(queueLimit / SMALL_SHARE) && extra) return [];
    throw this.#refusal('overloaded', `the ${this.#name} queue is full`);
  }

  #makeRoom(heavier: readonly QueuedTask[]): void {
    for (const ticket of heavier) {
      this.#queue.remove(ticket);
      const why = `the ${this.#name} queue is full, and other clients have fewer requests in it`;
      ticket.reject(this.#refusal('overloaded', why));
    }
  }

  #refusal(code: 'overloaded' | 'queue-timeout', message: string): SamError {
    return new SamError(code, message, { retryAfter: this.retryAfter });
  }

  #refuseAll(): SamError {
    this.#stopping ??= new SamError('overloaded', 'the service is stopping', { retryAfter: 1 });
    for (let first = this.#queue.first(); first; first = this.#queue.first()) {
      this.#queue.remove(first);
      first.reject(this.#stopping);
    }
    return this.#stopping;
  }

  async #enqueue(
    errand: Omit<QueuedTask, 'queuedAt' | 'resolve' | 'reject'>,
    signal: AbortSignal,
  ): Promise<unknown> {
    signal.throwIfAborted();
    if (this.#stopping) throw this.#stopping;
    // A request may have any number of tasks, and long work gives one signal to them all.
    setMaxListeners(0, signal);
    const over = new AbortController();
    const outcome = new Promise<Outcome<unknown>>((resolve, reject) => {
      const ticket = { ...errand, queuedAt: performance.now(), resolve, reject };
      // A task that runs already is finished for nobody.
      const forget = (reason: unknown) => {
        this.#queue.remove(ticket);
        reject(reason);
      };
      const options = { once: true, signal: over.signal };
      signal.addEventListener('abort', () => forget(signal.reason), options);
      this.#queue.add(ticket);
    });
    this.#dispatch();
    try {
      return unwrap(await outcome);
    } finally {
      over.abort();
    }
  }

  /** Gives work to idle workers. */
  #dispatch(): void {
    for (;;) {
      const allows = this.#allowed();
      const first = this.#queue.first(allows);
      const idle = this.#workers.filter(({ busy }) => !busy);
      const worker = idle.find((each) => each.isWarm(first?.affinityKey)) ?? idle[0];
      if (!first || !worker || this.#isAhead(first)) return;
      const batch = this.#queue
        .take(worker, this.#batch, allows)
        .filter((ticket) => this.#book(ticket));
      if (batch.length > 0) void this.#serve(worker, batch);
    }
  }

  /** Books what a task takes while it runs; one for which there is no room is refused. */
  #book({ caller, bytes = 0, reject }: QueuedTask): boolean {
    try {
      if (bytes > 0) caller?.memory.take('pixels', bytes);
      return true;
    } catch (error) {
      reject(error);
      return false;
    }
  }

  /**
   * Which tasks a worker may take. Beside clicks and beside other work, parts of large requests and of long work keep to
   * one worker, so that a click finds another free; beside other work, long work keeps to a share of that one's time.
   */
  #allowed(): (ticket: QueuedTask) => boolean {
    const othersWork = this.#options.othersWork?.() ?? false;
    const rests = othersWork && this.#resting !== undefined;
    const asked = performance.now() - this.#askedAt < QUIET_MS;
    const full = this.#bulk > 0 && (othersWork || asked);
    return ({ bulk, background }) => !(full && bulk) && !(rests && background);
  }

  #rest(ms: number): void {
    clearTimeout(this.#resting);
    // Its end is told by the timer itself, which may be early by the clock.
    this.#resting = setTimeout(() => {
      this.#resting = undefined;
      this.#dispatch();
    }, ms).unref();
  }

  /** Whether the lane downstream has enough to do without a task; long work does not keep it from other tasks. */
  #isAhead({ background }: QueuedTask): boolean {
    const { downstream } = this.#options;
    if (!downstream) return false;
    return (background ? downstream.load : downstream.urgent).waiting >= downstream.capacity;
  }

  #release(worker: Worker): void {
    worker.release();
    this.#dispatch();
  }

  /** Gives up a worker that takes too long. Nobody waits any longer, though it may have to come out of native code. */
  #limit(worker: Worker, batch: readonly QueuedTask[], over: AbortSignal): void {
    if (over.aborted) return;
    const late = setTimeout(() => {
      const reason = new SamError('inference-timeout', `the ${this.#name} took too long`);
      for (const { reject } of batch) reject(reason);
      void worker.giveUp(reason);
    }, this.#options.timeouts.runMs * batch.length).unref();
    over.addEventListener('abort', () => clearTimeout(late));
  }

  async #serve(worker: Worker, batch: readonly QueuedTask[]): Promise<void> {
    const [{ kind, affinityKey, background, bulk }] = batch as [QueuedTask];
    const start = performance.now();
    void worker.take();
    if (!background) this.#urgent++;
    if (bulk) this.#bulk++;
    const tasks = batch.map(({ task }) => task);
    const transfer = batch.flatMap((ticket) => ticket.transfer ?? []);
    const { begun, answer, released } = worker.run<Outcome<unknown>[]>(kind, tasks, {
      affinityKey,
      transfer,
    });
    for (const { caller, bytes = 0 } of batch) {
      void caller?.memory.during(released.then(() => caller.memory.give('pixels', bytes)));
    }
    const over = new AbortController();
    void begun.then(() => this.#limit(worker, batch, over.signal));
    let outcomes: readonly Outcome<unknown>[] = [];
    try {
      outcomes = await answer;
      const pace = (performance.now() - start) / batch.length;
      for (const ticket of batch) this.#queue.charge(ticket, pace / this.#averageMs);
      if (!background) this.#averageMs += 0.2 * (pace - this.#averageMs);
      for (const [i, { resolve, queuedAt }] of batch.entries()) {
        resolve(withWait(outcomes[i] as Outcome<unknown>, start - queuedAt));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    over.abort();
    for (const [i, ticket] of batch.entries()) {
      this.#options.onTask?.(reportOf(ticket, start, outcomes[i]));
    }
    if (!background) this.#urgent--;
    if (bulk) this.#bulk--;
    if (background) this.#rest(REST * (performance.now() - start));
    this.#release(worker);
  }
}
