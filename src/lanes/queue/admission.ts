import type { Caller } from '../../core/caller.js';
import { SamError } from '../../core/errors.js';
import type { Downstream } from '../lane-options.js';
import { type Load, total } from '../load.js';
import type { Queue, QueuedTask } from './queue.js';

/** Beyond a full queue clients that have little in it are let in, until it holds so many times as much. */
const OTHERS_ROOM = 4;
/** What of a queue's places is little. */
const SMALL_SHARE = 4;

/** What a lane says of itself. */
interface Occupied {
  readonly urgent: Load;
  readonly averageMs: number;
}

interface Limits {
  readonly workers: number;
  readonly queueLimit: number;
  readonly downstream?: Downstream;
}

/** Decides which requests a lane takes, and when it hands them on. */
export class Admission {
  readonly #name: string;
  readonly #limits: Limits;
  readonly #queue: Queue;
  readonly #lane: Occupied;
  #stopped: SamError | undefined;

  constructor(name: string, limits: Limits, queue: Queue, lane: Occupied) {
    this.#name = name;
    this.#limits = limits;
    this.#queue = queue;
    this.#lane = lane;
  }

  /** Seconds until what waits now should have run. */
  get retryAfter(): number {
    const { workers, downstream } = this.#limits;
    const own = this.#lane.averageMs / workers;
    // The slower of the two sets the pace.
    const ms = downstream ? Math.max(own, downstream.averageMs / downstream.workers) : own;
    return Math.max(1, Math.ceil((this.#queue.urgent * ms) / 1000));
  }

  /** @throws SamError `overloaded` when so many tasks of a client are not admitted */
  check(tasks: number, caller: Caller | undefined): void {
    this.#givingWayTo(tasks, caller);
  }

  /** Refuses what has to give way to so many tasks of a client. @throws SamError `overloaded` */
  makeRoom(tasks: number, caller: Caller | undefined): void {
    for (const task of this.#givingWayTo(tasks, caller)) {
      this.#queue.remove(task);
      const why = `the ${this.#name} queue is full, and other clients have fewer requests in it`;
      task.reject(this.refusal('overloaded', why));
    }
  }

  /** Refuses what waits, and all that comes from now on. @returns the reason */
  stop(): SamError {
    this.#stopped ??= new SamError('overloaded', 'the service is stopping', { retryAfter: 1 });
    for (let first = this.#queue.first(); first; first = this.#queue.first()) {
      this.#queue.remove(first);
      first.reject(this.#stopped);
    }
    return this.#stopped;
  }

  /** @throws SamError `overloaded` once the lane has been stopped */
  throwIfStopped(): void {
    if (this.#stopped) throw this.#stopped;
  }

  /** Whether the lane downstream has enough to do without a task; long work does not keep it from other tasks. */
  isAhead({ background }: QueuedTask): boolean {
    const { downstream } = this.#limits;
    if (!downstream) return false;
    return (background ? downstream.load : downstream.urgent).waiting >= downstream.capacity;
  }

  refusal(code: 'overloaded' | 'queue-timeout', message: string): SamError {
    return new SamError(code, message, { retryAfter: this.retryAfter });
  }

  #givingWayTo(tasks: number, caller: Caller | undefined): readonly QueuedTask[] {
    const { workers, queueLimit, downstream } = this.#limits;
    const { waiting } = this.#lane.urgent;
    // What was handed on is not done yet.
    const handedOn = downstream ? total(downstream.urgent) : 0;
    const running = this.#lane.urgent.running + handedOn;
    const excess = waiting + tasks - (workers - running + queueLimit);
    // An idle lane takes any one request, however many tasks it has.
    if (waiting + running === 0 || excess <= 0) return [];
    const heavier = this.#queue.toPushOut(caller, tasks, excess);
    if (heavier) return heavier;
    const own = this.#queue.waiting(caller) + tasks;
    const extra = waiting + tasks <= OTHERS_ROOM * queueLimit;
    // Others that have filled the queue do not keep a client out that asks for little.
    if (own <= Math.floor(queueLimit / SMALL_SHARE) && extra) return [];
    throw this.refusal('overloaded', `the ${this.#name} queue is full`);
  }
}
