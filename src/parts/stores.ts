import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Metrics } from '../observe/metrics.js';
import { DiskStore } from '../store/disk-store.js';
import { MemoryStore } from '../store/memory-store.js';
import { TieredStore } from '../store/tiered-store.js';

/** The embeddings that are kept. */
export interface Stores {
  readonly all: MemoryStore | TieredStore;
  readonly memory: MemoryStore;
  /** Undefined where no folder is configured. */
  readonly disk: DiskStore | undefined;
}

export function createStores(config: Config, metrics: Metrics, logger: Logger): Stores {
  const memory = new MemoryStore(config.SAM_CACHE_BYTES, () => metrics.evicted('memory'));
  if (!config.SAM_CACHE_DIR) return { all: memory, memory, disk: undefined };
  const disk = new DiskStore({
    directory: config.SAM_CACHE_DIR,
    maxBytes: config.SAM_CACHE_DIR_BYTES,
    onEvict: () => metrics.evicted('disk'),
    onFault: (fault, error) => {
      metrics.diskFault(fault);
      if (fault !== 'skipped') logger.warn({ err: error, fault }, 'disk cache');
    },
  });
  return { all: new TieredStore(memory, disk), memory, disk };
}
