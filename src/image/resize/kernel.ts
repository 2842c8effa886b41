/** Weights are whole numbers of 2^-22, so that a sum of 8-bit products fits 32 bits: Pillow's choice. */
const PRECISION_BITS = 22;

/** For each output pixel of an axis: which input pixels it sees, and how much of each. */
export interface Kernel {
  /** Most inputs any output sees; `weights` holds as many for each. */
  readonly taps: number;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly weights: Int32Array;
}

/** Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc` for the triangle filter, from so many pixels to so many. */
export function triangleKernel(from: number, to: number): Kernel {
  const scale = from / to;
  const support = Math.max(1, scale);
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(to);
  const lengths = new Int32Array(to);
  const weights = new Int32Array(to * taps);
  const triangle = new Float64Array(taps);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const length = Math.min(from, Math.trunc(centre + support + 0.5)) - start;
    let sum = 0;
    for (let t = 0; t < length; t++) {
      const weight = Math.max(0, 1 - Math.abs((start + t - centre + 0.5) / support));
      triangle[t] = weight;
      sum += weight;
    }
    for (let t = 0; t < length; t++) {
      const share = (triangle[t] as number) / sum;
      weights[i * taps + t] = Math.trunc(0.5 + share * 2 ** PRECISION_BITS);
    }
    starts[i] = start;
    lengths[i] = length;
  }
  return { taps, starts, lengths, weights };
}
