import type { Timings } from '../../core/ports.js';

/** Timings as they are answered: to a hundredth of a millisecond. */
export function rounded(timings: Timings): Record<string, number> {
  const entries = Object.entries(timings);
  return Object.fromEntries(entries.map(([step, ms]) => [step, Math.round(ms * 100) / 100]));
}
