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
  /** What each tier holds, for the metrics. */
  readonly usages: Readonly<Record<string, () => { entries: number; bytes: number }>>;
}

export function createStores(cache: Config['cache'], metrics: Metrics, logger: Logger): Stores {
  const memory = new MemoryStore(cache.bytes, () => metrics.evicted('memory'));
  if (!cache.directory)
    return { all: memory, memory, disk: undefined, usages: { memory: () => memory.usage } };
  const disk = new DiskStore({
    directory: cache.directory,
    maxBytes: cache.directoryBytes,
    onEvict: () => metrics.evicted('disk'),
    onFault: (fault, error) => {
      metrics.diskFault(fault);
      if (fault !== 'skipped') logger.warn({ err: error, fault }, 'disk cache');
    },
  });
  const usages = { memory: () => memory.usage, disk: () => disk.usage };
  return { all: new TieredStore(memory, disk), memory, disk, usages };
}
