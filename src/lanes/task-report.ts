import type { Timings } from '../core/ports.js';
import type { Outcome } from './jobs/outcome.js';
import type { QueuedTask } from './queue/queue.js';

/** What a task took, in milliseconds. */
export interface TaskReport {
  readonly kind: string;
  readonly waitMs: number;
  /** Of all its batch. */
  readonly runMs: number;
  /** Whether it, or its worker, came to an end nobody foresaw. */
  readonly failed: boolean;
  /** Why the device cannot be used any more, where the task found it so. */
  readonly deviceLost: string | undefined;
  /** Of its steps, where its result has them. */
  readonly timings: Timings | undefined;
}

/** @param outcome what the task came to, if it was its worker that decided. */
export function reportOf(
  { kind, queuedAt }: QueuedTask,
  start: number,
  end: number,
  outcome: Outcome<unknown> | undefined,
): TaskReport {
  const timings = outcome && 'value' in outcome ? timingsOf(outcome.value) : undefined;
  const deviceLost = outcome && 'deviceLost' in outcome ? outcome.deviceLost : undefined;
  const failed = outcome === undefined || deviceLost !== undefined;
  return { kind, waitMs: start - queuedAt, runMs: end - start, failed, deviceLost, timings };
}

/** The outcome, saying among its timings how long its task waited. */
export function withWait(outcome: Outcome<unknown>, queue_ms: number): Outcome<unknown> {
  if (!('value' in outcome)) return outcome;
  const timings = timingsOf(outcome.value);
  if (!timings) return outcome;
  const { queue_ms: before = 0, ...rest } = timings;
  const value = { ...(outcome.value as object), timings: { queue_ms: before + queue_ms, ...rest } };
  return { value };
}

function timingsOf(value: unknown): Timings | undefined {
  return typeof value === 'object' && value !== null && 'timings' in value
    ? (value.timings as Timings)
    : undefined;
}
