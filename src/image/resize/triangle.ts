/** For each output pixel of an axis: which input pixels it sees, one after the other, and how much of each. */
export interface Kernel<Weights> {
  /** Most inputs any output sees; `weights` holds as many for each. */
  readonly taps: number;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly weights: Weights;
}

/**
 * The bilinear filter with antialiasing of Pillow (`precompute_coeffs`) and torchvision along one axis: a triangle as wide
 * as the scale where the axis shrinks, two neighbours where it grows.
 * @param from inputs. @param to outputs. @returns weights that add up to 1 for each output.
 */
export function triangle(from: number, to: number): Kernel<Float64Array> {
  const scale = from / to;
  const support = Math.max(1, scale);
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(to);
  const lengths = new Int32Array(to);
  const weights = new Float64Array(to * taps);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const length = Math.min(from, Math.trunc(centre + support + 0.5)) - start;
    const first = i * taps;
    let sum = 0;
    for (let t = 0; t < length; t++) {
      const weight = Math.max(0, 1 - Math.abs((start + t - centre + 0.5) / support));
      weights[first + t] = weight;
      sum += weight;
    }
    for (let t = first; t < first + length; t++) weights[t] = (weights[t] as number) / sum;
    starts[i] = start;
    lengths[i] = length;
  }
  return { taps, starts, lengths, weights };
}
