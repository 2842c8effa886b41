import type { EmbeddingKey } from '../core/ports.js';
import { fileStem } from '../store/disk-format.js';

/**
 * Names of keys. What stands in braces decides where a cluster keeps a key: keys that are written together have it in
 * common. All of them have a time to live.
 */
export const keys = {
  /** A hash of embeddings by version. */
  embedding: (key: EmbeddingKey) => `sam:{${fileStem(key)}}:embedding`,
  /** How often embeddings of an image were deleted: what was begun before is not kept. */
  deletions: (key: EmbeddingKey) => `sam:{${fileStem(key)}}:deletions`,
  /** Whoever makes an embedding in its process. */
  lead: (name: string) => `sam:{${name}}:lead`,
  logits: (hash: string) => `sam:{${hash}}:logits`,
  rate: (kind: string, client: string) => `sam:{${client}}:rate:${kind}`,
  /** The last deletions, for those who were away. */
  log: 'sam:deletions',
  /** An image that waits for an encode worker. */
  image: (job: string) => `sam:{${job}}:image`,
  /** The processes that wait for a job. */
  waiters: (job: string) => `sam:{${job}}:waiters`,
  /** How often a job was begun alone. */
  starts: (job: string) => `sam:{${job}}:starts`,
  /** An image that was given up. */
  abandoned: (job: string) => `sam:{${job}}:abandoned`,
  /** An embedding for who waits for it, and nobody else. */
  once: (job: string) => `sam:{${job}}:once`,
  /** What encode workers say of themselves. */
  encoders: 'sam:encoders',
} as const;

/** Channels of deletions, and of the answers to those of one process. */
export const channels = {
  deleted: 'sam:deleted',
  forgotten: (process: string) => `sam:forgotten:${process}`,
} as const;
