import type { Provider } from '../core/device.js';
import { SamError } from '../core/errors.js';
import type { Timings } from '../core/ports.js';
import { type Outcome, unwrap } from './outcome.js';
import { Seat } from './seat.js';

/** A module that runs in the workers: each export but `warmUp` answers a batch of tasks of one kind. */
interface Job {
  /** Loads a model's network and runs it once. */
  warmUp(model: string): Promise<Outcome<Provider>>;
}
type Kind<J extends Job> = Exclude<keyof J, 'warmUp'> & string;
type TaskOf<J, K extends keyof J> = J[K] extends (tasks: readonly (infer T)[]) => unknown
  ? T
  : never;
type ResultOf<J, K extends keyof J> = J[K] extends (
  tasks: never,
) => Promise<readonly Outcome<infer R>[]>
  ? R
  : never;

/** The size of a lane and what its workers are given. */
export interface LaneOptions<Settings> {
  readonly workers: number;
  /** Tasks that may wait beyond those that run. */
  readonly queueLimit: number;
  /** Milliseconds a task may wait, and may run. */
  readonly timeouts: { readonly queueMs: number; readonly runMs: number };
  readonly settings: Settings;
  /** Subjects a worker stays prepared for; see `Errand.subject`. */
  readonly hotLimit?: number;
  /** The lane that takes over from this one, which works ahead of it by no more than it can take at once. */
  readonly next?: Successor;
  /** Told of a worker that died between tasks; it has been replaced already. */
  readonly onWorkerLost: (error: unknown) => void;
  /** Told of each task that ended, well or badly. */
  readonly onTask?: (task: TaskReport) => void;
}

/** What a task took, in milliseconds. */
export interface TaskReport {
  readonly kind: string;
  readonly waitMs: number;
  /** Of all its batch. */
  readonly runMs: number;
  /** Whether it, or its worker, came to an end nobody foresaw. */
  readonly failed: boolean;
  /** Of its steps, where its result has them. */
  readonly timings: Timings | undefined;
}

/** What a lane is to know of the one after it. */
type Successor = Pick<Lane<Job, unknown>, 'load' | 'urgent' | 'pace' | 'appetite'>;

/** A task and what the lane may know of it. */
export interface Errand<Task> {
  readonly task: Task;
  /** What the task is about: a worker that has met it before is faster. */
  readonly subject?: string;
  /** Waiting tasks of one group may run as one batch. */
  readonly group?: string;
  /** Memory of the task that moves to the worker instead of being copied. */
  readonly transfer?: readonly ArrayBuffer[];
}

interface Ticket extends Errand<unknown> {
  readonly kind: string;
  readonly queuedAt: number;
  /** Fires when it has waited too long. */
  readonly late: NodeJS.Timeout;
  /** Long work, which lets all else go first. */
  readonly patient: boolean;
  readonly resolve: (outcome: Outcome<unknown>) => void;
  readonly reject: (reason: unknown) => void;
  /** How often a later task was preferred to this one. */
  passedOver: number;
}

/** How often the first in the queue lets a task go ahead that finds its worker prepared. */
const PATIENCE = 4;

/**
 * A bounded queue before worker threads. It steers tasks to a worker that is prepared for them, refuses what would
 * wait too long, and forgets what nobody waits for any more.
 */
export class Lane<J extends Job, Settings> {
  readonly #name: string;
  readonly #options: LaneOptions<Settings>;
  readonly #seats: Seat[];
  readonly #waiting: Ticket[] = [];
  /** Workers that run tasks somebody waits for. */
  #urgent = 0;
  /** Moving average of a task's milliseconds, from which Retry-After is guessed. */
  #pace = 1000;
  /** Tasks of one group that may run as one batch. */
  #batch = 1;

  /** @param job the module, as a URL. */
  constructor(name: string, job: URL, options: LaneOptions<Settings>) {
    const { workers, settings, hotLimit = 1, onWorkerLost } = options;
    this.#name = name;
    this.#options = options;
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
  get load(): { waiting: number; running: number } {
    return {
      waiting: this.#waiting.length,
      running: this.#seats.filter(({ busy }) => busy).length,
    };
  }

  /** The same of tasks that somebody waits for. */
  get urgent(): { waiting: number; running: number } {
    const waiting = this.#waiting.filter(({ patient }) => !patient).length;
    return { waiting, running: this.#urgent };
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
   * Loads a model's network in every worker and runs it once.
   * @param batch tells how many tasks of a group run together on the provider.
   * @returns the provider it runs on.
   * @throws StartupError when it does not load
   */
  async warmUp(model: string, batch: (provider: Provider) => number = () => 1): Promise<Provider> {
    const runs = this.#seats.map((seat) => seat.run<Outcome<Provider>>('warmUp', model));
    const [provider] = (await Promise.all(runs)).map(unwrap) as [Provider];
    this.#batch = batch(provider);
    return provider;
  }

  /**
   * Runs tasks of one kind, all or none of which are admitted: results come in their order.
   * @param signal takes tasks out of the queue; one that runs already is finished.
   * @throws SamError `overloaded` when the queue is full, or whatever the first failing task threw.
   */
  protected async run<K extends Kind<J>>(
    kind: K,
    errands: readonly Errand<TaskOf<J, K>>[],
    signal?: AbortSignal,
  ): Promise<ResultOf<J, K>[]> {
    this.#admit(errands.length);
    // The first failure takes its siblings out of the queue too.
    const siblings = new AbortController();
    const leave = signal ? AbortSignal.any([signal, siblings.signal]) : siblings.signal;
    try {
      const answers = errands.map((errand) => this.#enqueue(kind, errand, false, leave));
      return (await Promise.all(answers)) as ResultOf<J, K>[];
    } catch (error) {
      siblings.abort(error);
      throw error;
    }
  }

  /**
   * Runs a part of long work once no task of `run` waits, so that those wait for no more than such a part. Whoever
   * calls this bounds how much of it there is: it takes no place in the queue.
   * @param signal takes the task out of the queue; one that runs already is finished.
   * @throws whatever the task threw
   */
  protected async runPatiently<K extends Kind<J>>(
    kind: K,
    errand: Errand<TaskOf<J, K>>,
    signal: AbortSignal,
  ): Promise<ResultOf<J, K>> {
    return (await this.#enqueue(kind, errand, true, signal)) as ResultOf<J, K>;
  }

  /** Ends the workers, each after the task that it runs. */
  async close(): Promise<void> {
    this.#waiting.length = 0;
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
    return Math.max(1, Math.ceil((this.urgent.waiting * pace) / workers / 1000));
  }

  #admit(tasks: number): void {
    const { workers, queueLimit, next } = this.#options;
    const { waiting } = this.urgent;
    // What was handed on is not done yet.
    const handedOn = next ? next.urgent.waiting + next.urgent.running : 0;
    const running = this.urgent.running + handedOn;
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
  ): Promise<unknown> {
    signal.throwIfAborted();
    // Long work gives the same signal to many tasks.
    const over = new AbortController();
    const outcome = new Promise<Outcome<unknown>>((resolve, reject) => {
      const queuedAt = performance.now();
      const late = setTimeout(() => {
        const message = `no ${this.#name} worker was free in time`;
        this.#forget(ticket, this.#refusal('queue-timeout', message));
      }, this.#options.timeouts.queueMs).unref();
      // Long work waits as long as others come.
      if (patient) clearTimeout(late);
      const time = { queuedAt, late, patient, passedOver: 0 };
      const ticket = { ...errand, ...time, kind, resolve, reject };
      // Long work stands at the end of the queue, whenever it came.
      const end = patient ? -1 : this.#waiting.findIndex((other) => other.patient);
      this.#waiting.splice(end < 0 ? this.#waiting.length : end, 0, ticket);
      const options = { once: true, signal: over.signal };
      signal.addEventListener('abort', () => this.#forget(ticket, signal.reason), options);
    });
    this.#dispatch();
    try {
      return unwrap(await outcome);
    } finally {
      over.abort();
    }
  }

  /** Takes a ticket out of the queue; a task that runs already is finished for nobody. */
  #forget(ticket: Ticket, reason: unknown): void {
    const at = this.#waiting.indexOf(ticket);
    if (at >= 0) this.#waiting.splice(at, 1);
    clearTimeout(ticket.late);
    ticket.reject(reason);
  }

  /** To be called when the lane after this one has finished a task. */
  resume(): void {
    this.#dispatch();
  }

  /** Gives work to idle workers. */
  #dispatch(): void {
    for (;;) {
      const idle = this.#seats.filter(({ busy }) => !busy);
      const [first] = this.#waiting;
      if (!first || idle.length === 0 || this.#isAhead(first)) return;
      const seat = idle.find((each) => each.isHot(first.subject)) ?? (idle[0] as (typeof idle)[0]);
      void this.#serve(seat, this.#choose(seat, first));
    }
  }

  /** Whether the next lane has enough to do without a task; long work does not keep it from other tasks. */
  #isAhead({ patient }: Ticket): boolean {
    const { next } = this.#options;
    if (!next) return false;
    return (patient ? next.load : next.urgent).waiting >= next.appetite;
  }

  /** The first task in the queue that a worker is prepared for, or the first; and its companions. */
  #choose(seat: Seat, first: Ticket): Ticket[] {
    let chosen = first;
    if (!seat.isHot(first.subject) && first.passedOver < PATIENCE) {
      const peers = this.#waiting.filter(({ patient }) => patient === first.patient);
      chosen = peers.find(({ subject }) => seat.isHot(subject)) ?? first;
      if (chosen !== first) first.passedOver++;
    }
    const { kind, group } = chosen;
    const fits = (other: Ticket) =>
      other === chosen || (group !== undefined && other.group === group && other.kind === kind);
    const batch = this.#batch === 1 ? [chosen] : this.#waiting.filter(fits).slice(0, this.#batch);
    if (!batch.includes(chosen)) batch[0] = chosen;
    for (const ticket of batch) {
      clearTimeout(ticket.late);
      this.#waiting.splice(this.#waiting.indexOf(ticket), 1);
    }
    return batch;
  }

  async #serve(seat: Seat, batch: readonly Ticket[]): Promise<void> {
    const [{ kind, subject, patient }] = batch as [Ticket];
    const start = performance.now();
    // Nobody waits longer for a worker, but the worker is left to finish: a network cannot be stopped in its run.
    const late = setTimeout(() => {
      const reason = new SamError('inference-timeout', `the ${this.#name} took too long`);
      for (const { reject } of batch) reject(reason);
    }, this.#options.timeouts.runMs * batch.length).unref();
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
        resolve(waited(outcomes[i] as Outcome<unknown>, start - queuedAt));
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    clearTimeout(late);
    this.#report(batch, start, outcomes);
    seat.busy = false;
    if (!patient) this.#urgent--;
    this.#dispatch();
  }

  #report(batch: readonly Ticket[], start: number, outcomes: readonly Outcome<unknown>[]): void {
    const runMs = performance.now() - start;
    for (const [i, { kind, queuedAt }] of batch.entries()) {
      const outcome = outcomes[i];
      const timings = outcome && 'value' in outcome ? timingsOf(outcome.value) : undefined;
      const failed = outcome === undefined;
      this.#options.onTask?.({ kind, waitMs: start - queuedAt, runMs, failed, timings });
    }
  }
}

function timingsOf(value: unknown): Timings | undefined {
  return typeof value === 'object' && value !== null && 'timings' in value
    ? (value.timings as Timings)
    : undefined;
}

/** The outcome, saying among its timings how long its task waited. */
function waited(outcome: Outcome<unknown>, queue_ms: number): Outcome<unknown> {
  if (!('value' in outcome)) return outcome;
  const timings = timingsOf(outcome.value);
  if (!timings) return outcome;
  const { queue_ms: before = 0, ...rest } = timings;
  const value = { ...(outcome.value as object), timings: { queue_ms: before + queue_ms, ...rest } };
  return { value };
}
