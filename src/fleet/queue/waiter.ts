import { setTimeout as after } from 'node:timers/promises';
import type { EncodeResult } from './encode-job.js';

/** How a job ended. */
type Ending = { readonly result: EncodeResult } | { readonly error: Error };

/** Somebody who waits for a job. */
export class Waiter {
  readonly #start = performance.now();
  #begun: number | undefined;
  #ending: Ending | undefined;
  #wake = () => {};

  begin(): void {
    this.#begun ??= performance.now();
  }

  end(ending: Ending): void {
    this.#ending = ending;
    this.#wake();
  }

  /** Milliseconds until it began, or so far. */
  get waited(): number {
    return (this.#begun ?? performance.now()) - this.#start;
  }

  get ran(): number {
    return this.#begun === undefined ? 0 : performance.now() - this.#begun;
  }

  /** How it ended, or undefined after so many milliseconds. @throws what `signal` aborts with */
  async ended(ms: number, signal: AbortSignal): Promise<Ending | undefined> {
    if (this.#ending) return this.#ending;
    const over = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const late = after(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) });
    try {
      await Promise.race([woken, late]);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      over.abort();
      late.catch(() => {});
    }
    return this.#ending;
  }
}
