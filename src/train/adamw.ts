/** AdamW's numbers (Loshchilov and Hutter, 2019). */
export interface AdamWOptions {
  readonly rate: number;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly decay: number;
}

/** The paper's, but for the rate, which depends on how much data there is. */
export const ADAMW: Omit<AdamWOptions, 'rate'> = {
  betas: [0.9, 0.999],
  epsilon: 1e-8,
  decay: 0.1,
};

type Floats = Float32Array | Float64Array;

/** A tensor with its running means. */
export interface Moments {
  readonly mean: Floats;
  readonly square: Floats;
}

/**
 * One step on one tensor, in place: decay apart from the gradient, means corrected for their start at 0.
 * @param step from 1.
 */
export function adamw(
  values: Floats,
  gradient: Floats,
  { mean, square }: Moments,
  step: number,
  { rate, betas: [first, second], epsilon, decay }: AdamWOptions,
): void {
  const keep = 1 - rate * decay;
  const [meanBias, squareBias] = [1 - first ** step, 1 - second ** step];
  for (let i = 0; i < values.length; i++) {
    const slope = gradient[i] as number;
    const m = first * (mean[i] as number) + (1 - first) * slope;
    const v = second * (square[i] as number) + (1 - second) * slope * slope;
    mean[i] = m;
    square[i] = v;
    const change = (rate * (m / meanBias)) / (Math.sqrt(v / squareBias) + epsilon);
    values[i] = (values[i] as number) * keep - change;
  }
}
