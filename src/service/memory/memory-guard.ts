import { SamError } from '../../core/errors.js';

/** Asking the system takes some microseconds, and memory does not grow that fast. */
const LOOK_EVERY_MS = 100;
/** What was let go takes some seconds to go back to the system: until then it looks as if it were still held. */
const RELIEVE_EVERY_MS = 10_000;
const RETRY_AFTER = 5;

export interface MemoryGuardOptions {
  /** Resident memory of the process, in bytes. */
  readonly resident?: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Keeps the process from being ended for its memory: past the limit it takes no more images, and lets go of what it
 * can do without, since refusing alone gives nothing back.
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
   * @param relieve told to let go of memory, and of how many bytes there are too many.
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
    if (this.#bytes < this.#maxBytes) return;
    if (now - this.#relievedAt > RELIEVE_EVERY_MS) {
      this.#relievedAt = now;
      this.#relieve(this.#bytes - this.#maxBytes);
    }
    throw new SamError('overloaded', 'memory is short', { retryAfter: RETRY_AFTER });
  }
}
