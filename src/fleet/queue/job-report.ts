import type { Timings } from '../../core/ports.js';

/** A job that has ended. */
export interface JobReport {
  readonly lane: string;
  /** The id of its embedding. */
  readonly embedding: string;
  readonly outcome: 'made' | 'found' | 'failed' | 'abandoned';
  /** Milliseconds it was in the queue, and ran. */
  readonly waitMs: number;
  readonly runMs: number;
  /** How often it was begun. */
  readonly attempts: number;
  /** Milliseconds since the epoch, when it began. */
  readonly start: number;
  readonly timings: Timings;
  /** Of the request that it was made for. */
  readonly trace: string | undefined;
  readonly requestId: string | undefined;
}
