import { setTimeout as after } from 'node:timers/promises';
import type { Caller } from '../core/caller.js';
import type { Embedding } from '../core/embedding.js';
import type { EmbeddingMaker, Made, MakeTask } from '../core/making.js';
import type { CropTask, EmbeddingStore, Encoded } from '../core/ports.js';
import type { Leads } from './lead.js';
import type { SharedStore } from './shared-store.js';

/** Between two looks at what another process makes. */
const LOOK_MS = 50;

export interface SharedMakerOptions {
  /** Makes it in this process. */
  readonly local: EmbeddingMaker;
  /** All tiers. */
  readonly store: EmbeddingStore;
  readonly shared: SharedStore;
  readonly leads: Leads;
  /** Told of each that another process has made. */
  readonly onJoined: () => void;
}

/** Makes embeddings in this process, unless another that shares them does so already: then it waits for that. */
export class SharedMaker implements EmbeddingMaker {
  readonly #options: SharedMakerOptions;

  constructor(options: SharedMakerOptions) {
    this.#options = options;
  }

  async make(task: MakeTask, caller: Caller): Promise<Made> {
    const { local, store, shared, leads, onJoined } = this.#options;
    const { key } = task;
    for (;;) {
      const deletions = await shared.begin(key);
      if (deletions === undefined) return local.make(task, caller);
      const leave = await leads.take(key, deletions);
      try {
        if (leave) {
          // Whoever had the lead before may have left it there.
          const found = await store.get(key);
          if (!found) return await local.make(task, caller);
          onJoined();
          return { ...found, flight: 'joined', timings: {} };
        }
      } finally {
        leave?.();
        shared.end(key, deletions);
      }
      await after(LOOK_MS, undefined, { signal: caller.signal });
    }
  }

  makeCrop(whole: Embedding, task: CropTask, caller: Caller): Promise<Encoded> {
    return this.#options.local.makeCrop(whole, task, caller);
  }
}
