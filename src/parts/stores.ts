import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { EmbeddingKey, EmbeddingStore } from '../core/ports.js';
import type { Metrics } from '../observe/metrics.js';
import { DiskStore } from '../store/disk-store.js';
import { MemoryStore } from '../store/memory-store.js';
import { TieredStore } from '../store/tiered-store.js';

/** The embeddings that are kept. */
export interface Stores {
  readonly all: EmbeddingStore;
  readonly memory: MemoryStore;
  /** Undefined where no folder is configured. */
  readonly disk: DiskStore | undefined;
  /** Drops an embedding from what this process has by itself. @returns whether there was one */
  forget(key: EmbeddingKey): Promise<boolean>;
  /** What each tier holds, for the metrics. */
  readonly usages: Readonly<Record<string, () => { entries: number; bytes: number }>>;
}

/** @param shared below memory and disk, where processes share a store. */
export function createStores(
  cache: Config['cache'],
  shared: EmbeddingStore | undefined,
  metrics: Metrics,
  logger: Logger,
): Stores {
  const memory = new MemoryStore(cache.bytes, () => metrics.evicted('memory'));
  const disk = cache.directory
    ? new DiskStore({
        directory: cache.directory,
        maxBytes: cache.directoryBytes,
        onEvict: () => metrics.evicted('disk'),
        onFault: (fault, error) => {
          metrics.diskFault(fault);
          if (fault !== 'skipped') logger.warn({ err: error, fault }, 'disk cache');
        },
      })
    : undefined;
  const own = disk ? new TieredStore(memory, disk) : memory;
  const usages = {
    memory: () => memory.usage,
    ...(disk && { disk: () => disk.usage }),
  };
  if (!shared) return { all: own, memory, disk, forget: (key) => own.delete(key), usages };
  const all = new TieredStore(own, shared);
  return { all, memory, disk, forget: (key) => all.forget(key), usages };
}
