import type { Clock } from '../../core/clock.js';
import type { QueuedTask } from './queue.js';

/** A request of more tasks is a large one. */
const MOST_TOGETHER = 2;
/** After so many milliseconds without a small request, large ones take all workers. */
const QUIET_MS = 2000;
/** For each task of others a part is followed by a pause so many times as long. */
const REST = 2;
/** Nobody rests for longer: by then the other work may be over. */
const MOST_REST_MS = 1000;

/**
 * The share of the workers that parts of large requests and of long work may take. Beside clicks and beside other work
 * they keep to one worker, so that a click finds another free; beside other work, to a share of that one's time that is the
 * smaller the more of that there is.
 */
export class BulkShare {
  readonly #othersWork: () => number;
  readonly #onRested: () => void;
  readonly #clock: Clock;
  /** Workers that run such parts. */
  #running = 0;
  /** Calls the rest off that others have the processor to themselves for; undefined when there is none. */
  #rest: (() => void) | undefined;
  /** When the last small request of a client came. */
  #askedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param othersWork tasks of others that need the processor, whether they run or wait.
   * @param onRested told when such parts may go on.
   */
  constructor(clock: Clock, othersWork: () => number, onRested: () => void) {
    this.#clock = clock;
    this.#othersWork = othersWork;
    this.#onRested = onRested;
  }

  /** Takes note of a client's request. @returns whether it is a large one */
  ask(tasks: number, isClients: boolean): boolean {
    const isLarge = tasks > MOST_TOGETHER;
    if (isClients && !isLarge) this.#askedAt = this.#clock.now();
    return isLarge;
  }

  /** Which tasks a worker may take now. */
  allowed(): (task: QueuedTask) => boolean {
    const othersWork = this.#othersWork() > 0;
    const rests = othersWork && this.#rest !== undefined;
    const asked = this.#clock.now() - this.#askedAt < QUIET_MS;
    const full = this.#running > 0 && (othersWork || asked);
    return ({ bulk }) => !(bulk && (full || rests));
  }

  begin({ bulk }: QueuedTask): void {
    if (bulk) this.#running++;
  }

  /** @param ms that the task took. */
  end({ bulk }: QueuedTask, ms: number): void {
    if (!bulk) return;
    this.#running--;
    this.#rest?.();
    // Its end is told by the timer itself, which may be early by the clock.
    const rest = Math.min(MOST_REST_MS, REST * this.#othersWork() * ms);
    this.#rest = this.#clock.after(rest, () => {
      this.#rest = undefined;
      this.#onRested();
    });
  }
}
