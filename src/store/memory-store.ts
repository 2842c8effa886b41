import { LRUCache } from 'lru-cache';
import type { Embedding } from '../core/embedding.js';
import type { EmbeddingStore } from '../core/ports.js';

/** What an entry weighs beside its tensor: key, sizes, and the map's own bookkeeping, rounded up. */
const ENTRY_OVERHEAD = 512;

/** The embeddings of this process, least recently used dropped first, bounded in bytes. */
export class MemoryStore implements EmbeddingStore {
  readonly #entries: LRUCache<string, Embedding>;

  /** @param maxBytes an embedding larger than this is not kept at all. */
  constructor(maxBytes: number) {
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ tensor }) => tensor.bytes.byteLength + ENTRY_OVERHEAD,
    });
  }

  async get(key: string): Promise<Embedding | undefined> {
    return this.#entries.get(key);
  }

  async set(key: string, embedding: Embedding): Promise<void> {
    this.#entries.set(key, embedding);
  }

  async delete(key: string): Promise<boolean> {
    return this.#entries.delete(key);
  }

  /** Number of embeddings and bytes held. */
  get usage(): { entries: number; bytes: number } {
    return { entries: this.#entries.size, bytes: this.#entries.calculatedSize };
  }
}
