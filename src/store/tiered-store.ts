import { type Embedding, entryName } from '../core/embedding.js';
import type { EmbeddingKey, EmbeddingStore } from '../core/ports.js';
import { SingleFlight } from './single-flight.js';

/** A small fast store before a large slow one. What is found below is brought up, once for all who ask. */
export class TieredStore implements EmbeddingStore {
  readonly #upper: EmbeddingStore;
  readonly #lower: EmbeddingStore;
  readonly #reads = new SingleFlight<Awaited<ReturnType<EmbeddingStore['get']>>>();

  constructor(upper: EmbeddingStore, lower: EmbeddingStore) {
    this.#upper = upper;
    this.#lower = lower;
  }

  async get(key: EmbeddingKey) {
    const found = await this.#upper.get(key);
    if (found) return found;
    const { value } = await this.#reads.run(entryName(key), async (_abandoned, isDropped) => {
      const below = await this.#lower.get(key);
      // What was deleted while it was read must not come back.
      if (below && !isDropped()) await this.#upper.set(key, below.embedding);
      return below;
    });
    return value;
  }

  async set(key: EmbeddingKey, embedding: Embedding): Promise<void> {
    await Promise.all([this.#upper.set(key, embedding), this.#lower.set(key, embedding)]);
  }

  /** Of the upper store alone, with what is on its way there. */
  async forget(key: EmbeddingKey): Promise<boolean> {
    this.#reads.drop(entryName(key));
    return this.#upper.delete(key);
  }

  async delete(key: EmbeddingKey): Promise<boolean> {
    let found = false;
    try {
      // From below: a read that brings it up meanwhile is undone by what follows.
      found = await this.#lower.delete(key);
    } finally {
      found = (await this.forget(key)) || found;
    }
    return found;
  }

  async hasOther(key: EmbeddingKey): Promise<boolean> {
    return (await this.#upper.hasOther(key)) || (await this.#lower.hasOther(key));
  }
}
