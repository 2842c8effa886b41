import type { Kernel } from '../resize/triangle.js';

/**
 * How transformers' `Owlv2ImageProcessor` resizes an axis, as one matrix: where it shrinks by f, a Gaussian of sigma
 * (f - 1) / 2 cut at four sigmas, and then two neighbours by their distance. Beyond an end it sees the axis mirrored, without
 * the last input twice (SciPy's `gaussian_filter` and `zoom`, mode `mirror`, `grid_mode`).
 * @param side inputs.
 * @param size outputs.
 * @param length how many of the inputs, from the first on, are other than zero: weights of the others are left out.
 */
export function smoothKernel(side: number, size: number, length: number): Kernel<Float32Array> {
  const scale = side / size;
  const blur = gaussian(Math.max(0, (scale - 1) / 2));
  const rows = Array.from({ length: size }, (_, i) => {
    const row = new Map<number, number>();
    const position = (i + 0.5) * scale - 0.5;
    const below = Math.floor(position);
    const share = position - below;
    for (const [neighbour, weight] of [1 - share, share].entries()) {
      const centre = mirrored(below + neighbour, side);
      for (const [k, blurred] of blur.entries()) {
        const input = mirrored(centre + k - (blur.length >> 1), side);
        if (input < length) row.set(input, (row.get(input) ?? 0) + weight * blurred);
      }
    }
    return row;
  });
  return dense(rows);
}

/** The weights of a Gaussian from -radius to radius, which add up to one. */
function gaussian(sigma: number): number[] {
  const radius = Math.floor(4 * sigma + 0.5);
  const bell = Array.from({ length: 2 * radius + 1 }, (_, k) =>
    radius === 0 ? 1 : Math.exp(-0.5 * ((k - radius) / sigma) ** 2),
  );
  const sum = bell.reduce((total, weight) => total + weight, 0);
  return bell.map((weight) => weight / sum);
}

/** The place that shows at `index`, if an axis of `side` goes on as its own reflection. */
function mirrored(index: number, side: number): number {
  const period = Math.max(1, 2 * (side - 1));
  const place = ((index % period) + period) % period;
  return Math.min(place, period - place);
}

function dense(rows: readonly ReadonlyMap<number, number>[]): Kernel<Float32Array> {
  const ranges = rows.map((row) => {
    const start = row.size > 0 ? Math.min(...row.keys()) : 0;
    return { start, length: row.size > 0 ? Math.max(...row.keys()) + 1 - start : 0 };
  });
  const taps = Math.max(...ranges.map(({ length }) => length));
  const weights = new Float32Array(rows.length * taps);
  for (const [i, row] of rows.entries()) {
    const { start } = ranges[i] as { start: number };
    for (const [input, weight] of row) weights[i * taps + input - start] = weight;
  }
  return {
    taps,
    starts: Int32Array.from(ranges, ({ start }) => start),
    lengths: Int32Array.from(ranges, ({ length }) => length),
    weights,
  };
}
