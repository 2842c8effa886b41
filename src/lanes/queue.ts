import type { Caller } from '../core/caller.js';
import type { Outcome } from './outcome.js';
import type { Seat } from './seat.js';

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

/** A task that somebody waits for. */
export interface Ticket extends Errand<unknown> {
  readonly kind: string;
  /** Whom it is done for; undefined for the service itself. */
  readonly caller: Caller | undefined;
  readonly queuedAt: number;
  /** Long work, which lets all else go first. */
  readonly patient: boolean;
  readonly resolve: (outcome: Outcome<unknown>) => void;
  readonly reject: (reason: unknown) => void;
}

/** A ticket in the queue. */
interface Place {
  readonly ticket: Ticket;
  /** Fires when it has waited too long. */
  readonly late: NodeJS.Timeout | undefined;
  /** How often a later task was preferred to this one. */
  passedOver: number;
}

/** How often the first in the queue lets a task go ahead that finds its worker prepared. */
const PATIENCE = 4;

/** The tasks that wait, in the order in which they came, but for long work, which stands at the end. */
export class Queue {
  readonly #places: Place[] = [];
  readonly #limitMs: number;
  readonly #onLate: (ticket: Ticket) => void;

  /**
   * @param limitMs how long a task may wait; long work waits as long as others come.
   * @param onLate told of each that waited too long and has been taken out.
   */
  constructor(limitMs: number, onLate: (ticket: Ticket) => void) {
    this.#limitMs = limitMs;
    this.#onLate = onLate;
  }

  get length(): number {
    return this.#places.length;
  }

  /** Tasks that are not long work. */
  get urgent(): number {
    const end = this.#places.findIndex(({ ticket }) => ticket.patient);
    return end < 0 ? this.#places.length : end;
  }

  get first(): Ticket | undefined {
    return this.#places[0]?.ticket;
  }

  add(ticket: Ticket): void {
    const tooLong = () => {
      this.remove(ticket);
      this.#onLate(ticket);
    };
    const late = ticket.patient ? undefined : setTimeout(tooLong, this.#limitMs).unref();
    const at = ticket.patient ? this.#places.length : this.urgent;
    this.#places.splice(at, 0, { ticket, late, passedOver: 0 });
  }

  /** Takes a ticket out, if it is there. */
  remove(ticket: Ticket): void {
    const at = this.#places.findIndex((place) => place.ticket === ticket);
    if (at < 0) return;
    clearTimeout(this.#places[at]?.late);
    this.#places.splice(at, 1);
  }

  /**
   * Takes out what a worker is to do next: the first task it is prepared for, or the first of all.
   * @param most how many tasks of its group may run together.
   */
  take(seat: Pick<Seat, 'isHot'>, most: number): Ticket[] {
    const chosen = this.#choose(seat);
    if (!chosen) return [];
    const { kind, group } = chosen;
    const isCompanion = (other: Ticket) =>
      other !== chosen && group !== undefined && other.group === group && other.kind === kind;
    const companions = this.#places.map(({ ticket }) => ticket).filter(isCompanion);
    const batch = [chosen, ...companions.slice(0, most - 1)];
    for (const ticket of batch) this.remove(ticket);
    return batch;
  }

  #choose(seat: Pick<Seat, 'isHot'>): Ticket | undefined {
    const [first] = this.#places;
    if (!first || seat.isHot(first.ticket.subject) || first.passedOver === PATIENCE) {
      return first?.ticket;
    }
    const peers = this.#places.filter(({ ticket }) => ticket.patient === first.ticket.patient);
    const prepared = peers.find(({ ticket }) => seat.isHot(ticket.subject));
    if (prepared) first.passedOver++;
    return (prepared ?? first).ticket;
  }
}
