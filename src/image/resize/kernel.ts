import { type Kernel, triangle } from './triangle.js';

/** Weights are whole numbers of 2^-22, so that a sum of 8-bit products fits 32 bits: Pillow's choice. */
const PRECISION_BITS = 22;

/** Pillow's `normalize_coeffs_8bpc` for the triangle filter, from so many pixels to so many. */
export function triangleKernel(from: number, to: number): Kernel<Int32Array> {
  const { weights, ...places } = triangle(from, to);
  const whole = Int32Array.from(weights, (share) => Math.trunc(0.5 + share * 2 ** PRECISION_BITS));
  return { ...places, weights: whole };
}
