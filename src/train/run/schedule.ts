import type { Rates } from '../trained-weights.js';

/** How the rates of learning change. */
export interface Schedule {
  readonly rate: number;
  /** Of the weights that draw the masks; `rate` is that of those that choose among them. */
  readonly maskRate: number;
  /** Steps in which they rise from 0. */
  readonly warmUp: number;
}

/** The paper's: a tenth after two thirds of its 90,000 steps, and a tenth of that after 86,666. */
const DROPS = [60_000 / 90_000, 86_666 / 90_000] as const;

/**
 * The rates of a step: a linear warm-up, then two drops to a tenth (Kirillov et al., 2023, appendix A).
 * @param step from 1.
 * @param done how much of the run lies behind it, in 0..1.
 */
export function ratesAt({ rate, maskRate, warmUp }: Schedule, step: number, done: number): Rates {
  const warm = Math.min(1, step / Math.max(1, warmUp));
  const drops = DROPS.filter((drop) => done >= drop).length;
  const share = warm * 10 ** -drops;
  return { ious: rate * share, masks: maskRate * share };
}
