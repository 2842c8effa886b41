import type { Kernel } from './kernel.js';

/**
 * The bilinear filter with antialiasing of Pillow (`precompute_coeffs`) and torchvision along one axis: a triangle as wide
 * as the scale where the axis shrinks, two neighbours where it grows.
 * @param from inputs. @param to outputs. @returns weights that add up to 1 for each output.
 */
export function triangleKernel(from: number, to: number): Kernel<Float64Array> {
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
    const triangle = Array.from({ length }, (_, t) =>
      Math.max(0, 1 - Math.abs((start + t - centre + 0.5) / support)),
    );
    const sum = triangle.reduce((total, weight) => total + weight, 0);
    for (const [t, weight] of triangle.entries()) weights[i * taps + t] = weight / sum;
    starts[i] = start;
    lengths[i] = length;
  }
  return { taps, starts, lengths, weights };
}
