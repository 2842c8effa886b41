import type { RgbImage } from '../../core/image.js';
import type { Kernel } from './triangle.js';

/** Filters of both axes. */
export interface Filters {
  readonly rows: Kernel<Float32Array>;
  readonly columns: Kernel<Float32Array>;
}

/** What becomes of red, green and blue, each from 0 to 1: (value - mean) / std. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** What is where no input is, from 0 to 1: weights that are missing of a filter are its. */
  readonly ground: number;
}

/**
 * An image resized to a square and normalised. Nothing is rounded to 8 bits in between.
 * @param filters of so many rows and columns as the square has. @returns [3,side,side]
 */
export function resample(
  image: RgbImage,
  side: number,
  { rows, columns }: Filters,
  { mean, std, ground }: Normalisation,
): Float32Array<ArrayBuffer> {
  // All steps are linear, and weights add up to one: what is not the ground can be resized by itself.
  const level = 255 * ground;
  const scales = std.map((deviation) => 1 / (255 * deviation));
  const offsets = mean.map(
    (value, c) => level * (scales[c] as number) - value / (std[c] as number),
  );

  const plane = side * side;
  const input = new Float32Array(3 * plane);
  const line = new Float32Array(3 * image.width);
  for (let y = 0; y < side; y++) {
    addRows(image, rows, y, level, line);
    for (let x = 0; x < side; x++) {
      let [r, g, b] = [0, 0, 0];
      const first = x * columns.taps;
      const end = first + (columns.lengths[x] as number);
      for (let t = first, at = 3 * (columns.starts[x] as number); t < end; t++, at += 3) {
        const weight = columns.weights[t] as number;
        r += weight * (line[at] as number);
        g += weight * (line[at + 1] as number);
        b += weight * (line[at + 2] as number);
      }
      const target = y * side + x;
      input[target] = r * (scales[0] as number) + (offsets[0] as number);
      input[plane + target] = g * (scales[1] as number) + (offsets[1] as number);
      input[2 * plane + target] = b * (scales[2] as number) + (offsets[2] as number);
    }
  }
  return input;
}

/** Fills `line` with output row `y` at the image's width: how far its pixels are from the ground. */
function addRows(
  { data, width }: RgbImage,
  { taps, starts, lengths, weights }: Kernel<Float32Array>,
  y: number,
  level: number,
  line: Float32Array,
): void {
  line.fill(0);
  const stride = 3 * width;
  const count = lengths[y] as number;
  // Whole rows at a time, so that memory is read in its order.
  for (let t = 0; t < count; t++) {
    const weight = weights[y * taps + t] as number;
    const source = ((starts[y] as number) + t) * stride;
    for (let i = 0; i < stride; i++) {
      line[i] = (line[i] as number) + weight * ((data[source + i] as number) - level);
    }
  }
}
