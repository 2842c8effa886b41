import type { Caller } from '../../core/caller.js';
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

/** Whether a task may be done now. */
type Allows = (ticket: QueuedTask) => boolean;

/** A ticket in the queue. */
interface Place {
  readonly ticket: QueuedTask;
  readonly turn: number;
  /** Fires when it has waited too long. */
  readonly late: NodeJS.Timeout | undefined;
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
  readonly #onLate: (ticket: QueuedTask) => void;

  /**
   * @param limitMs how long a task may wait; long work waits as long as others come.
   * @param onLate told of each that waited too long and has been taken out.
   */
  constructor(limitMs: number, onLate: (ticket: QueuedTask) => void) {
    this.#limitMs = limitMs;
    this.#onLate = onLate;
  }

  get length(): number {
    return this.#places.length;
  }

  /** Tasks that are not long work. */
  get urgent(): number {
    const end = this.#places.findIndex(({ ticket }) => ticket.background);
    return end < 0 ? this.#places.length : end;
  }

  /** Tasks of a client that wait, but for long work. */
  waiting(caller: Caller | undefined): number {
    return this.#turns.urgent.waiting(caller?.client ?? '');
  }

  /** Says how long a task took. @param times as long as one does on average. */
  charge(ticket: QueuedTask, times: number): void {
    this.#turnsOf(ticket).charge(clientOf(ticket), times);
  }

  /** The first that may be done now. */
  first(allows: Allows = () => true): QueuedTask | undefined {
    return this.#places.find(({ ticket }) => allows(ticket))?.ticket;
  }

  add(ticket: QueuedTask): void {
    const tooLong = () => {
      this.remove(ticket);
      this.#onLate(ticket);
    };
    const late = ticket.background ? undefined : setTimeout(tooLong, this.#limitMs).unref();
    const turns = this.#turnsOf(ticket);
    const turn = turns.join(clientOf(ticket));
    const waiting = turns.waiting(clientOf(ticket));
    const isLater = (other: Place) => {
      if (other.ticket.background !== ticket.background) return other.ticket.background;
      // Within a turn those go first who ask for least: a click goes before a part of a large request.
      return other.turn === turn
        ? turns.waiting(clientOf(other.ticket)) > waiting
        : other.turn > turn;
    };
    const later = this.#places.findIndex(isLater);
    const at = later < 0 ? this.#places.length : later;
    this.#places.splice(at, 0, { ticket, turn, late, passedOver: 0 });
  }

  /** Takes a ticket out, if it is there. */
  remove(ticket: QueuedTask): void {
    const place = this.#extract(ticket);
    if (place) this.#turnsOf(ticket).leave(clientOf(ticket), place.turn);
  }

  /**
   * Takes out what a worker is to do next: the first task it is prepared for, or the first of all.
   * @param most how many tasks of its group may run together. @param allows which tasks may be done now.
   */
  take(worker: Pick<Worker, 'isWarm'>, most: number, allows: Allows = () => true): QueuedTask[] {
    const places = this.#places.filter(({ ticket }) => allows(ticket));
    const [first] = places;
    const chosen = this.#choose(worker, places);
    if (!first || !chosen) return [];
    this.#turnsOf(first.ticket).advance(first.turn);
    const { kind, group } = chosen;
    const isCompanion = (other: QueuedTask) =>
      other !== chosen && group !== undefined && other.group === group && other.kind === kind;
    const companions = places.map(({ ticket }) => ticket).filter(isCompanion);
    const batch = [chosen, ...companions.slice(0, most - 1)];
    for (const ticket of batch) {
      const place = this.#extract(ticket);
      if (place) this.#turnsOf(ticket).serve(clientOf(ticket), place.turn);
    }
    return batch;
  }

  /**
   * The tasks that make room for more of a client's: the last requests of whoever has most waiting, as long as that is
   * more than the client would have itself. They are still in the queue.
   * @param tasks that the client would add. @param excess of tasks that are too many then.
   * @returns undefined when there are not enough.
   */
  toPushOut(caller: Caller | undefined, tasks: number, excess: number): QueuedTask[] | undefined {
    const turns = this.#turns.urgent;
    const least = turns.waiting(caller?.client ?? '') + tasks;
    const left = this.#places.map(({ ticket }) => ticket).filter(({ background }) => !background);
    const out: QueuedTask[] = [];
    while (out.length < excess) {
      const [client, waiting] = heaviest(left);
      if (waiting <= least) return undefined;
      const last = left.filter((ticket) => clientOf(ticket) === client).reduce(later);
      const going = left.filter(({ request }) => request === last.request);
      out.push(...going);
      for (const ticket of going) left.splice(left.indexOf(ticket), 1);
    }
    return out;
  }

  #turnsOf({ background }: QueuedTask): Turns {
    return background ? this.#turns.background : this.#turns.urgent;
  }

  #extract(ticket: QueuedTask): Place | undefined {
    const at = this.#places.findIndex((place) => place.ticket === ticket);
    if (at < 0) return undefined;
    clearTimeout(this.#places[at]?.late);
    return this.#places.splice(at, 1)[0];
  }

  #choose(worker: Pick<Worker, 'isWarm'>, places: readonly Place[]): QueuedTask | undefined {
    const [first] = places;
    if (!first || worker.isWarm(first.ticket.affinityKey) || first.passedOver === PATIENCE) {
      return first?.ticket;
    }
    const peers = places.filter(({ ticket }) => ticket.background === first.ticket.background);
    const prepared = peers.find(({ ticket }) => worker.isWarm(ticket.affinityKey));
    if (prepared) first.passedOver++;
    return (prepared ?? first).ticket;
  }
}

/** The service's own tasks are those of one more client. */
function clientOf({ caller }: QueuedTask): string {
  return caller?.client ?? '';
}

/** The client with most tasks, and how many those are. */
function heaviest(tickets: readonly QueuedTask[]): [client: string, tasks: number] {
  const counts = new Map<string, number>();
  for (const ticket of tickets) {
    counts.set(clientOf(ticket), (counts.get(clientOf(ticket)) ?? 0) + 1);
  }
  return [...counts].reduce((most, next) => (next[1] > most[1] ? next : most), ['', 0]);
}

function later(a: QueuedTask, b: QueuedTask): QueuedTask {
  return b.queuedAt >= a.queuedAt ? b : a;
}
