import { entryName } from '../../core/embedding.js';
import { type ErrorCode, SamError, type Violation } from '../../core/errors.js';
import type { ImageSize } from '../../core/image.js';
import type { EmbeddingKey, Timings } from '../../core/ports.js';
import type { Box } from '../../core/prompt.js';

/** The queue's name, and what its keys begin with: braces keep them on one node of a cluster. */
export const QUEUE = 'encode';
export const PREFIX = '{sam}';

/** Longer than any image waits and is encoded. */
export const IMAGE_TTL_MS = 900_000;
/** Until whoever waits for an embedding has read it, where it is not kept. */
export const ONCE_TTL_MS = 60_000;
/** How long an image is refused that has ended its processes. */
export const ABANDONED_TTL_MS = 600_000;

/** What an encode worker is to do. The image lies under a key of its own. */
export interface EncodeJob {
  /** The model whose encoder, or the detector, looks at the image. */
  readonly lane: string;
  readonly key: EmbeddingKey;
  readonly model: string;
  /** The key of the image's bytes. */
  readonly image: string;
  /** How often the embedding had been deleted when the job was made. */
  readonly deletions: string;
  readonly crop?: Box;
  /** Of the first request that wants it: its trace, and its name in logs. */
  readonly trace?: string | undefined;
  readonly requestId?: string | undefined;
}

/** What comes back; the embedding is in the shared store, or where it is not kept under `once`. */
export interface EncodeResult {
  readonly image: ImageSize;
  readonly timings: Timings;
  readonly warnings: readonly string[];
  readonly once?: string;
}

/** The id of a job: all who want an embedding wait for the same. BullMQ forbids colons. */
export function jobId(key: EmbeddingKey, deletions: string): string {
  const name = entryName({ ...key, fingerprint: key.fingerprint.slice(0, 16) });
  return `${name.replaceAll(':', '.')}-${deletions}`;
}

/** An error as a job's reason for failing. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof SamError)) return JSON.stringify({ code: 'internal', message: '' });
  const { code, message, violations, retryAfter } = error;
  return JSON.stringify({ code, message, violations, retryAfter });
}

/** The error of a job's reason. */
export function errorOf(reason: string): Error {
  const { code, message, violations, retryAfter } = parse(reason);
  if (code === undefined || code === 'internal') return new Error('an encode worker failed');
  const wait = retryAfter === undefined ? {} : { retryAfter };
  return new SamError(code, message, { violations: violations ?? [], ...wait });
}

interface Reason {
  readonly code?: ErrorCode;
  readonly message: string;
  readonly violations?: readonly Violation[];
  readonly retryAfter?: number;
}

function parse(reason: string): Reason {
  try {
    return JSON.parse(reason) as Reason;
  } catch {
    return { message: reason };
  }
}
