import { SamError } from '../core/errors.js';

/** Asking the system takes some microseconds, and memory does not grow that fast. */
const LOOK_EVERY_MS = 100;
const RETRY_AFTER = 5;

/** Keeps the process from being ended for its memory: past the limit it takes no more images. */
export class MemoryGuard {
  readonly #maxBytes: number;
  readonly #resident: () => number;
  #bytes = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param maxBytes of resident memory, 0 for no limit. */
  constructor(maxBytes: number, resident: () => number = process.memoryUsage.rss) {
    this.#maxBytes = maxBytes;
    this.#resident = resident;
  }

  /** @throws SamError `overloaded` */
  check(): void {
    if (this.#maxBytes === 0) return;
    const now = performance.now();
    if (now - this.#lookedAt > LOOK_EVERY_MS) {
      this.#bytes = this.#resident();
      this.#lookedAt = now;
    }
    if (this.#bytes < this.#maxBytes) return;
    throw new SamError('overloaded', 'memory is short', { retryAfter: RETRY_AFTER });
  }
}
