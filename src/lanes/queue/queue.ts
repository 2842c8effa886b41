import { setMaxListeners } from 'node:events';
import type { Caller } from '../../core/caller.js';
import type { Clock } from '../../core/clock.js';
import type { Outcome } from '../jobs/outcome.js';
import type { Worker } from '../workers/worker.js';
import { Turns } from './turns.js';

/** A task and what the lane may know of it. */
export interface LaneTask<Task> {
  readonly task: Task;
  /** What the task is about: a worker that has met it before is faster. */
  readonly affinityKey?: string;
  /** Waiting tasks of one group may run as one batch. */
  readonly group?: string;
  /** Memory of the task that moves to the worker instead of being copied. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Bytes of pixels that it takes while it runs. */
  readonly bytes?: number;
}

/** A task that somebody waits for. */
export interface QueuedTask extends LaneTask<unknown> {
  readonly kind: string;
  /** Whom it is done for; undefined for the service itself. */
  readonly caller: Caller | undefined;
  /** Shared by the tasks of one request: none is worth anything without the others. */
  readonly request: object;
  readonly queuedAt: number;
  /** Long work, which lets all else go first. */
  readonly background: boolean;
  /** A part of a request of many, or of long work: it leaves a worker to what is neither. */
  readonly bulk: boolean;
  readonly resolve: (outcome: Outcome<unknown>) => void;
  readonly reject: (reason: unknown) => void;
}

/** A task that is not in the queue yet. */
export type NewTask = Omit<QueuedTask, 'queuedAt' | 'resolve' | 'reject'>;

/** Whether a task may be done now. */
type Allows = (task: QueuedTask) => boolean;

/** A task in the queue. */
interface Place {
  readonly task: QueuedTask;
  readonly turn: number;
  /** Calls off what is done once it has waited too long. */
  readonly late: (() => void) | undefined;
  /** How often a later task was preferred to this one. */
  passedOver: number;
}

/** How often the first in the queue lets a task go ahead that finds its worker prepared. */
const PATIENCE = 4;

/** The tasks that wait: long work behind all other, and of each the clients in turn. */
export class Queue {
  readonly #places: Place[] = [];
  readonly #turns = { urgent: new Turns(), background: new Turns() };
  readonly #limitMs: number;
  readonly #clock: Clock;
  readonly #onLate: (task: QueuedTask) => void;

  /**
   * @param limitMs how long a task may wait; long work waits as long as others come.
   * @param onLate told of each that waited too long and has been taken out.
   */
  constructor(limitMs: number, clock: Clock, onLate: (task: QueuedTask) => void) {
    this.#limitMs = limitMs;
    this.#clock = clock;
    this.#onLate = onLate;
  }

  get length(): number {
    return this.#places.length;
  }

  /** Tasks that are not long work. */
  get urgent(): number {
    const end = this.#places.findIndex(({ task }) => task.background);
    return end < 0 ? this.#places.length : end;
  }

  /** Tasks of a client that wait, but for long work. */
  waiting(caller: Caller | undefined): number {
    return this.#turns.urgent.waiting(caller?.client ?? '');
  }

  /** Says how long a task took. @param times as long as one does on average. */
  charge(task: QueuedTask, times: number): void {
    this.#turnsOf(task).charge(clientOf(task), times);
  }

  /** The first that may be done now. */
  first(allows: Allows = () => true): QueuedTask | undefined {
    return this.#places.find(({ task }) => allows(task))?.task;
  }

  /** Adds a task. @param signal takes it out again. @returns what becomes of it */
  async outcomeOf(task: NewTask, signal: AbortSignal): Promise<Outcome<unknown>> {
    // A request may have any number of tasks, and long work gives one signal to them all.
    setMaxListeners(0, signal);
    let forget = () => {};
    try {
      return await new Promise<Outcome<unknown>>((resolve, reject) => {
        const queued = { ...task, queuedAt: this.#clock.now(), resolve, reject };
        // A task that runs already is finished for nobody.
        forget = () => {
          this.remove(queued);
          reject(signal.reason);
        };
        signal.addEventListener('abort', forget, { once: true });
        this.#add(queued);
      });
    } finally {
      signal.removeEventListener('abort', forget);
    }
  }

  #add(task: QueuedTask): void {
    const tooLong = () => {
      this.remove(task);
      this.#onLate(task);
    };
    const late = task.background ? undefined : this.#clock.after(this.#limitMs, tooLong);
    const turns = this.#turnsOf(task);
    const turn = turns.join(clientOf(task));
    const waiting = turns.waiting(clientOf(task));
    const isLater = (other: Place) => {
      if (other.task.background !== task.background) return other.task.background;
      // Within a turn those go first who ask for least: a click goes before a part of a large request.
      return other.turn === turn
        ? turns.waiting(clientOf(other.task)) > waiting
        : other.turn > turn;
    };
    const later = this.#places.findIndex(isLater);
    const at = later < 0 ? this.#places.length : later;
    this.#places.splice(at, 0, { task, turn, late, passedOver: 0 });
  }

  /** Takes a task out, if it is there. */
  remove(task: QueuedTask): void {
    const place = this.#extract(task);
    if (place) this.#turnsOf(task).leave(clientOf(task), place.turn);
  }

  /**
   * Takes out what a worker is to do next: the first task it is prepared for, or the first of all.
   * @param most how many tasks of its group may run together. @param allows which tasks may be done now.
   */
  take(worker: Pick<Worker, 'isWarm'>, most: number, allows: Allows = () => true): QueuedTask[] {
    const places = this.#places.filter(({ task }) => allows(task));
    const [first] = places;
    const chosen = this.#choose(worker, places);
    if (!first || !chosen) return [];
    this.#turnsOf(first.task).advance(first.turn);
    const { kind, group } = chosen;
    const isCompanion = (other: QueuedTask) =>
      other !== chosen && group !== undefined && other.group === group && other.kind === kind;
    const companions = places.map(({ task }) => task).filter(isCompanion);
    const batch = [chosen, ...companions.slice(0, most - 1)];
    for (const task of batch) {
      const place = this.#extract(task);
      if (place) this.#turnsOf(task).serve(clientOf(task), place.turn);
    }
    return batch;
  }

  /**
   * The tasks that make room for more of a client's: the last requests of the client that has most waiting, as long as that is
   * more than the client would have itself. They are still in the queue.
   * @param tasks that the client would add. @param excess of tasks that are too many then.
   * @returns undefined when there are not enough.
   */
  toPushOut(caller: Caller | undefined, tasks: number, excess: number): QueuedTask[] | undefined {
    const turns = this.#turns.urgent;
    const least = turns.waiting(caller?.client ?? '') + tasks;
    const left = this.#places.map(({ task }) => task).filter(({ background }) => !background);
    const out: QueuedTask[] = [];
    while (out.length < excess) {
      const [client, waiting] = heaviest(left);
      if (waiting <= least) return undefined;
      const last = left.filter((task) => clientOf(task) === client).reduce(later);
      const going = left.filter(({ request }) => request === last.request);
      out.push(...going);
      for (const task of going) left.splice(left.indexOf(task), 1);
    }
    return out;
  }

  #turnsOf({ background }: QueuedTask): Turns {
    return background ? this.#turns.background : this.#turns.urgent;
  }

  #extract(task: QueuedTask): Place | undefined {
    const at = this.#places.findIndex((place) => place.task === task);
    if (at < 0) return undefined;
    this.#places[at]?.late?.();
    return this.#places.splice(at, 1)[0];
  }

  #choose(worker: Pick<Worker, 'isWarm'>, places: readonly Place[]): QueuedTask | undefined {
    const [first] = places;
    if (!first || worker.isWarm(first.task.affinityKey) || first.passedOver === PATIENCE) {
      return first?.task;
    }
    const peers = places.filter(({ task }) => task.background === first.task.background);
    const prepared = peers.find(({ task }) => worker.isWarm(task.affinityKey));
    if (prepared) first.passedOver++;
    return (prepared ?? first).task;
  }
}

/** The service's own tasks are those of one more client. */
function clientOf({ caller }: QueuedTask): string {
  return caller?.client ?? '';
}

/** The client with most tasks, and how many those are. */
function heaviest(tasks: readonly QueuedTask[]): [client: string, tasks: number] {
  const counts = new Map<string, number>();
  for (const task of tasks) {
    counts.set(clientOf(task), (counts.get(clientOf(task)) ?? 0) + 1);
  }
  return [...counts].reduce((most, next) => (next[1] > most[1] ? next : most), ['', 0]);
}

function later(a: QueuedTask, b: QueuedTask): QueuedTask {
  return b.queuedAt >= a.queuedAt ? b : a;
}
