import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Tensor } from '../core/tensor.js';

/** Logits that clients may refer to by token instead of sending them back: bounded, and for a while only. */
export class LogitsStore {
  readonly #entries: LRUCache<string, Tensor>;

  /** @param ttl milliseconds after its last use for which an entry is kept. */
  constructor(maxBytes: number, ttl: number) {
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }) => bytes.length,
      ttl,
      updateAgeOnGet: true,
    });
  }

  /** @returns a token nobody can guess. */
  keep(logits: Tensor): string {
    const token = randomBytes(18).toString('base64url');
    this.#entries.set(token, logits);
    return token;
  }

  find(token: string): Tensor | undefined {
    return this.#entries.get(token);
  }
}
