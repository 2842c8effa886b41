import { setMaxListeners } from 'node:events';
import type { Caller } from '../core/caller.js';
import type { Provider } from '../core/device.js';
import { SamError } from '../core/errors.js';
import type { Job, Kind, ResultOf, TaskOf } from './job.js';
import type { LaneOptions, Load, Successor } from './lane-options.js';
import { type Outcome, unwrap } from './outcome.js';
import { type Errand, Queue, type Ticket } from './queue.js';
import { Seat } from './seat.js';
import { reportOf, withWait } from './task-report.js';

/**
 * A bounded queue before worker threads. It steers tasks to a worker that is prepared for them, refuses what would
 * wait too long, and forgets what nobody waits for any more.
 */
export class Lane<J extends Job, Settings> implements Successor {
  readonly #name: string;
  readonly #options: LaneOptions<Settings>;
  readonly #seats: Seat[];
  readonly #queue: Queue;
  /** Workers that run tasks somebody waits for. */
  #urgent = 0;
  /** Moving average of a task's milliseconds, from which Retry-After is guessed. */
  #pace = 1000;
  /** Tasks of one group that may run as one batch. */
  #batch = 1;

  /** @param job the module, as a URL. */
  constructor(name: string, job: URL, options: LaneOptions<Settings>) {
    const { workers, timeouts, settings, hotLimit = 1, onWorkerLost } = options;
    this.#name = name;
    this.#options = options;
    this.#queue = new Queue(timeouts.queueMs, ({ reject }) => {
      reject(this.#refusal('queue-timeout', `no ${name} worker was free in time`));
    });
    this.#seats = Array.from(
      { length: workers },
      () => new Seat(job, settings, hotLimit, onWorkerLost),
    );
  }

  /** Workers, each of which runs one task or batch at a time. */
  get workers(): number {
    return this.#seats.length;
  }

  /** Tasks that wait and workers that run some. */
  get load(): Load {
    const running = this.#seats.filter(({ busy }) => busy).length;
    return { waiting: this.#queue.length, running };
  }

  /** The same of tasks that somebody waits for. */
  get urgent(): Load {
    return { waiting: this.#queue.urgent, running: this.#urgent };
  }

  /** Tasks that its workers can take at once. */
  get appetite(): number {
    return this.#seats.length * this.#batch;
  }

  /** Milliseconds of a task, as of late. */
  get pace(): number {
    return this.#pace;
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
    const runs = this.#seats.map((seat) => seat.run<Outcome<Provider>>('load', model));
    const [provider] = (await Promise.all(runs)).map(unwrap) as [Provider];
    this.#batch = batch(provider);
    return provider;
  }

  /** Runs a model's network once in every worker, so that no request pays for its first run. */
  async warmUp(model: string): Promise<void> {
    const runs = this.#seats.map((seat) => seat.run<Outcome<void>>('warmUp', model));
    (await Promise.all(runs)).forEach(unwrap);
  }

  /**
   * Runs tasks of one kind, all or none of which are admitted: results come in their order.
   * @param caller takes tasks out of the queue when it leaves; its memory stays booked while one runs.
   * @throws SamError `overloaded` when the queue is full, or whatever the first failing task threw.
   */
  protected async run<K extends Kind<J>>(
    kind: K,
    errands: readonly Errand<TaskOf<J, K>>[],
    caller?: Caller,
  ): Promise<ResultOf<J, K>[]> {
    this.#admit(errands.length);
    // The first failure takes its siblings out of the queue too.
    const siblings = new AbortController();
    const { signal } = siblings;
    const leave = caller ? AbortSignal.any([caller.signal, signal]) : signal;
    try {
      const answers = errands.map((errand) => this.#enqueue(kind, errand, false, leave, caller));
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
   * @throws whatever the task threw
   */
  protected async runPatiently<K extends Kind<J>>(
    kind: K,
    errand: Errand<TaskOf<J, K>>,
    caller: Caller,
  ): Promise<ResultOf<J, K>> {
    return (await this.#enqueue(kind, errand, true, caller.signal, caller)) as ResultOf<J, K>;
  }

  /** Ends the workers, each after the task that it runs; what waits is not begun. */
  async close(): Promise<void> {
    for (let { first } = this.#queue; first; { first } = this.#queue) {
      this.#queue.remove(first);
      first.reject(new SamError('overloaded', 'the service is stopping'));
    }
    await Promise.all(this.#seats.map((seat) => seat.close()));
  }

  /** @throws SamError `overloaded` when not even one task more is admitted */
  checkRoom(): void {
    this.#admit(1);
  }

  /** Seconds until what waits now should have run. */
  get retryAfter(): number {
    const { workers, next } = this.#options;
    const pace = Math.max(this.#pace, next?.pace ?? 0);
    return Math.max(1, Math.ceil((this.#queue.urgent * pace) / workers / 1000));
  }

  #admit(tasks: number): void {
    const { workers, queueLimit, next } = this.#options;
    const waiting = this.#queue.urgent;
    // What was handed on is not done yet.
    const handedOn = next ? next.urgent.waiting + next.urgent.running : 0;
    const running = this.#urgent + handedOn;
    // An idle lane takes any one request, however many tasks it has.
    if (waiting + running === 0 || waiting + tasks <= workers - running + queueLimit) return;
    throw this.#refusal('overloaded', `the ${this.#name} queue is full`);
  }

  #refusal(code: 'overloaded' | 'queue-timeout', message: string): SamError {
    return new SamError(code, message, { retryAfter: this.retryAfter });
  }

  async #enqueue(
    kind: string,
    errand: Errand<unknown>,
    patient: boolean,
    signal: AbortSignal,
    caller: Caller | undefined,
  ): Promise<unknown> {
    signal.throwIfAborted();
    // A request may have any number of tasks, and long work gives one signal to them all.
    setMaxListeners(0, signal);
    const over = new AbortController();
    const outcome = new Promise<Outcome<unknown>>((resolve, reject) => {
      const ticket = {
        ...errand,
        kind,
        patient,
        caller,
        queuedAt: performance.now(),
        resolve,
        reject,
      };
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

  /** To be called when the lane after this one has finished a task. */
  resume(): void {
    this.#dispatch();
  }

  /** Gives work to idle workers. */
  #dispatch(): void {
    for (;;) {
      const { first } = this.#queue;
      const idle = this.#seats.filter(({ busy }) => !busy);
      const seat = idle.find((each) => each.isHot(first?.subject)) ?? idle[0];
      if (!first || !seat || this.#isAhead(first)) return;
      void this.#serve(seat, this.#queue.take(seat, this.#batch));
    }
  }

  /** Whether the next lane has enough to do without a task; long work does not keep it from other tasks. */
  #isAhead({ patient }: Ticket): boolean {
    const { next } = this.#options;
    if (!next) return false;
    return (patient ? next.load : next.urgent).waiting >= next.appetite;
  }

  async #serve(seat: Seat, batch: readonly Ticket[]): Promise<void> {
    const [{ kind, subject, patient }] = batch as [Ticket];
    const start = performance.now();
    // Nobody waits longer for a worker, but the worker is left to finish: a network cannot be stopped in its run.
    const late = setTimeout(() => {
      const reason = new SamError('inference-timeout', `the ${this.#name} took too long`);
      for (const { reject } of batch) reject(reason);
    }, this.#options.timeouts.runMs * batch.length).unref();
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    for (const { caller } of batch) void caller?.memory.during(finished);
    seat.busy = true;
    if (!patient) this.#urgent++;
    let outcomes: readonly Outcome<unknown>[] = [];
    try {
      const tasks = batch.map(({ task }) => task);
      const transfer = batch.flatMap((ticket) => ticket.transfer ?? []);
      outcomes = await seat.run<Outcome<unknown>[]>(kind, tasks, { subject, transfer });
      const pace = (performance.now() - start) / batch.length;
      if (!patient) this.#pace += 0.2 * (pace - this.#pace);
      for (const [i, { resolve, queuedAt }] of batch.entries()) {
        resolve(withWait(outcomes[i] as Outcome<unknown>, start - queuedAt));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    clearTimeout(late);
    for (const [i, ticket] of batch.entries()) {
      this.#options.onTask?.(reportOf(ticket, start, outcomes[i]));
    }
    finish();
    seat.busy = false;
    if (!patient) this.#urgent--;
    this.#dispatch();
  }
}
