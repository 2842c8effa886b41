import type { Caller } from './caller.js';
import type { Embedding } from './embedding.js';
import type { CropTask, EmbeddingKey, Encoded, Tier, Timings } from './ports.js';

/** What is made of an image: its embedding, under the key that it gets. */
export interface MakeTask {
  readonly key: EmbeddingKey;
  readonly model: string;
  readonly image: Uint8Array;
  /** Whether it is for those only who wait for it already, and not to be kept. */
  readonly isDropped: () => boolean;
}

export interface Made {
  readonly embedding: Embedding;
  /** Made for this call, or for another process that had come first. */
  readonly flight: 'computed' | 'joined';
  readonly tier?: Tier;
  readonly timings: Timings;
  readonly warnings?: readonly string[];
}

/** Makes the embeddings that no store has, and puts them there. Its calls throw what those of `ImageLane` do. */
export interface EmbeddingMaker {
  make(task: MakeTask, caller: Caller): Promise<Made>;
  /** That of a part of an image, which is not kept. @param whole the embedding of all of it. */
  makeCrop(whole: Embedding, task: CropTask, caller: Caller): Promise<Encoded>;
}
