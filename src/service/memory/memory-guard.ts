import { SamError } from '../../core/errors.js';

/** Asking the system takes some microseconds, and memory does not grow that fast. */
const LOOK_EVERY_MS = 100;
/** What was let go takes some seconds to go back to the system: until then it looks as if it were still held. */
const RELIEVE_EVERY_MS = 10_000;
const RETRY_AFTER = 5;
/** The share of the limit from which it lets go, so that nobody is refused for what can be done without. */
const RELIEVE_FROM = 0.9;

export interface MemoryGuardOptions {
  /** Resident memory of the process, in bytes. */
  readonly resident?: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Keeps the process from being ended for its memory: near the limit it lets go of what it can do without, and past the
 * limit it takes no more images.
 */
export class MemoryGuard {
  readonly #maxBytes: number;
  readonly #relieve: (bytes: number) => void;
  readonly #resident: () => number;
  readonly #now: () => number;
  #bytes = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #relievedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param maxBytes of resident memory, 0 for no limit.
   * @param relieve told to let go of memory, and of how many bytes there are too many for nine tenths of the limit.
   */
  constructor(
    maxBytes: number,
    relieve: (bytes: number) => void,
    { resident = process.memoryUsage.rss, now = () => performance.now() }: MemoryGuardOptions = {},
  ) {
    this.#maxBytes = maxBytes;
    this.#relieve = relieve;
    this.#resident = resident;
    this.#now = now;
  }

  /** @throws SamError `overloaded` */
  check(): void {
    if (this.#maxBytes === 0) return;
    const now = this.#now();
    if (now - this.#lookedAt > LOOK_EVERY_MS) {
      this.#bytes = this.#resident();
      this.#lookedAt = now;
    }
    const excess = this.#bytes - RELIEVE_FROM * this.#maxBytes;
    if (excess < 0) return;
    if (now - this.#relievedAt > RELIEVE_EVERY_MS) {
      this.#relievedAt = now;
      this.#relieve(Math.ceil(excess));
    }
    if (this.#bytes < this.#maxBytes) return;
    throw new SamError('overloaded', 'memory is short', { retryAfter: RETRY_AFTER });
  }
}
