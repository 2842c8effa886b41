import { triangle } from './triangle.js';

/** Weights are whole numbers of 2^-22, so that a sum of 8-bit products fits 32 bits: Pillow's choice. */
const PRECISION_BITS = 22;

/** For each output pixel of an axis: which input pixels it sees, one after the other, and how much of each. */
export interface Kernel<Weights = Int32Array> {
  /** Most inputs any output sees; `weights` holds as many for each. */
  readonly taps: number;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly weights: Weights;
}

/** Pillow's `normalize_coeffs_8bpc` for the triangle filter, from so many pixels to so many. */
export function triangleKernel(from: number, to: number): Kernel {
  const { weights, ...places } = triangle(from, to);
  const whole = Int32Array.from(weights, (share) => Math.trunc(0.5 + share * 2 ** PRECISION_BITS));
  return { ...places, weights: whole };
}
