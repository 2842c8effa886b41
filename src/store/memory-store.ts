import { LRUCache } from 'lru-cache';
import { bytesOf, type Embedding, entryName } from '../core/embedding.js';
import type { EmbeddingKey, EmbeddingStore } from '../core/ports.js';

/** What an entry weighs beside its tensors: key, sizes, and the map's own bookkeeping, rounded up. */
const ENTRY_OVERHEAD = 512;

/** The embeddings of this process, least recently used dropped first, bounded in bytes. */
export class MemoryStore implements EmbeddingStore {
  readonly #entries: LRUCache<string, Embedding>;

  /**
   * @param maxBytes an embedding larger than this is not kept at all.
   * @param onEvict told of each embedding that had to make room.
   */
  constructor(maxBytes: number, onEvict: () => void = () => {}) {
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ tensors }) => bytesOf(tensors) + ENTRY_OVERHEAD,
      dispose: (_embedding, _key, reason) => {
        if (reason === 'evict') onEvict();
      },
    });
  }

  async get(key: EmbeddingKey) {
    const embedding = this.#entries.get(entryName(key));
    return embedding && { embedding, tier: 'memory' as const };
  }

  async set(key: EmbeddingKey, embedding: Embedding): Promise<void> {
    this.#entries.set(entryName(key), embedding);
  }

  async delete(key: EmbeddingKey): Promise<boolean> {
    return this.#entries.delete(entryName(key));
  }

  async hasOther(key: EmbeddingKey): Promise<boolean> {
    const own = entryName(key);
    const stem = own.slice(0, own.lastIndexOf('@') + 1);
    for (const other of this.#entries.keys()) {
      if (other !== own && other.startsWith(stem)) return true;
    }
    return false;
  }

  /** Drops the embeddings that were not used for longest, until `share` of the bytes are gone. */
  shrink(share: number): void {
    const rest = this.#entries.calculatedSize * (1 - share);
    while (this.#entries.calculatedSize > rest) this.#entries.pop();
  }

  /** Number of embeddings and bytes held. */
  get usage(): { entries: number; bytes: number } {
    return { entries: this.#entries.size, bytes: this.#entries.calculatedSize };
  }
}
