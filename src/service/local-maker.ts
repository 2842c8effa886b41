import type { Caller } from '../core/caller.js';
import type { Embedding } from '../core/embedding.js';
import type { EmbeddingMaker, Made, MakeTask } from '../core/making.js';
import type { CropTask, EmbeddingStore, Encoded, ImageLane } from '../core/ports.js';

/** Makes embeddings in this process. */
export class LocalMaker implements EmbeddingMaker {
  readonly #lane: ImageLane;
  readonly #store: Pick<EmbeddingStore, 'set'>;

  constructor(lane: ImageLane, store: Pick<EmbeddingStore, 'set'>) {
    this.#lane = lane;
    this.#store = store;
  }

  async make({ key, model, image, isDropped }: MakeTask, caller: Caller): Promise<Made> {
    const { timings, warnings = [], ...made } = await this.#lane.encode(image, caller);
    const embedding: Embedding = { ...key, model, ...made };
    if (!isDropped()) await this.#store.set(key, embedding);
    return { embedding, flight: 'computed', timings, warnings };
  }

  makeCrop(_whole: Embedding, task: CropTask, caller: Caller): Promise<Encoded> {
    return this.#lane.encodeCrop(task, caller);
  }
}
