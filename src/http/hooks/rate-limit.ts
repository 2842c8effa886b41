import { LRUCache } from 'lru-cache';
import type { RateCounter } from '../../core/ports.js';

/** How many clients each half of a limit remembers: some 9 MB each, however many there are. */
export const MAX_CLIENTS = 50_000;
const WINDOW_MS = 60_000;

interface Count {
  requests: number;
  /** When the first of them came, on the clock. */
  readonly since: number;
}

/**
 * At most so many requests of one client a minute, counted from its first. Those that have reached the limit are
 * remembered apart from the others: however many clients come and are forgotten, a blocked one stays blocked, unless
 * `MAX_CLIENTS` others are as well.
 */
export class RateLimit implements RateCounter {
  readonly max: number;
  readonly #now: () => number;
  readonly #below = new LRUCache<string, Count>({ max: MAX_CLIENTS });
  readonly #blocked = new LRUCache<string, Count>({ max: MAX_CLIENTS });

  constructor(max: number, now: () => number = () => performance.now()) {
    this.max = max;
    this.#now = now;
  }

  /** Clients remembered. */
  get size(): number {
    return this.#below.size + this.#blocked.size;
  }

  /** Counts a request. @returns the milliseconds its client has to wait, where it is one too many */
  count(client: string): number | undefined {
    const now = this.#now();
    let count = this.#blocked.get(client) ?? this.#below.get(client);
    if (!count || count.since + WINDOW_MS <= now) {
      this.#blocked.delete(client);
      count = { requests: 0, since: now };
    }
    if (count.requests === this.max) return count.since + WINDOW_MS - now;
    count.requests++;
    if (count.requests === this.max) {
      this.#below.delete(client);
      this.#blocked.set(client, count);
    } else this.#below.set(client, count);
    return undefined;
  }
}
