import type { Embedding } from '../core/embedding.js';
import type { EmbeddingKey, EmbeddingStore } from '../core/ports.js';
import { SingleFlight } from './single-flight.js';

/** A small fast store before a large slow one. What is found below is brought up, once for all who ask. */
export class TieredStore implements EmbeddingStore {
  readonly #upper: EmbeddingStore;
  readonly #lower: EmbeddingStore;
  readonly #reads = new SingleFlight<Awaited<ReturnType<EmbeddingStore['get']>>>();
  #deletions = 0;

  constructor(upper: EmbeddingStore, lower: EmbeddingStore) {
    this.#upper = upper;
    this.#lower = lower;
  }

  async get(key: EmbeddingKey) {
    const found = await this.#upper.get(key);
    if (found) return found;
    const { value } = await this.#reads.run(`${key.id}@${key.fingerprint}`, () => this.#bring(key));
    return value;
  }

  async set(key: EmbeddingKey, embedding: Embedding): Promise<void> {
    await Promise.all([this.#upper.set(key, embedding), this.#lower.set(key, embedding)]);
  }

  async delete(key: EmbeddingKey): Promise<boolean> {
    // From below: a read that brings it up meanwhile sees the count, or is undone by what follows it.
    const below = await this.#lower.delete(key);
    this.#deletions++;
    return (await this.#upper.delete(key)) || below;
  }

  async hasOther(key: EmbeddingKey): Promise<boolean> {
    return (await this.#upper.hasOther(key)) || (await this.#lower.hasOther(key));
  }

  async #bring(key: EmbeddingKey) {
    const deletions = this.#deletions;
    const found = await this.#lower.get(key);
    // What was deleted while it was read must not come back.
    if (found && deletions === this.#deletions) await this.#upper.set(key, found.embedding);
    return found;
  }
}
