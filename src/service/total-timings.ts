import type { Timings } from '../core/ports.js';

/** Milliseconds by step, of several tasks together. */
export function totalTimings(tasks: readonly { timings: Timings }[]): Timings {
  const total: Record<string, number> = {};
  for (const { timings } of tasks) {
    for (const [step, ms] of Object.entries(timings)) total[step] = (total[step] ?? 0) + ms;
  }
  return total;
}
