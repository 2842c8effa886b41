import type { Timings } from '../../core/ports.js';

/** Timings as they are answered: to a hundredth of a millisecond. */
export function rounded(timings: Timings): Record<string, number> {
  const entries = Object.entries(timings);
  return Object.fromEntries(entries.map(([step, ms]) => [step, Math.round(ms * 100) / 100]));
}

/** What the steps of a trace are called; two networks decode. */
const STEPS: Record<string, string> = { masks_ms: 'mask' };
export const IMAGE_STEPS: Record<string, string> = { decode_ms: 'decode image' };

/** Timings as the steps of a trace. */
export function steps(timings: Timings, names = STEPS): [name: string, ms: number][] {
  return Object.entries(timings).map(([key, ms]) => [names[key] ?? key.replace(/_ms$/, ''), ms]);
}
