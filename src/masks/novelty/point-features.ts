import type { Frame } from '../../core/family/frame.js';
import { sizeInFrame } from '../../core/family/frame.js';
import type { ImageSize } from '../../core/image.js';
import { readFloats, type Tensor } from '../../core/tensors/tensor.js';

/** What a model sees at points of an image. */
export interface PointFeatures {
  /** [n,C], point by point. */
  readonly values: Float32Array;
  readonly channels: number;
}

/**
 * An image's embedding at points, bilinear between the centres of its cells, and scaled so that the mean squared distance
 * of the points from their mean is 1: encoders differ in how large their numbers are.
 * @param tensor [1,C,G,G]. @param image its size. @param frame the square that the model sees.
 * @param points [n,2] x, y in pixels of the image.
 */
export function featuresAt(
  { bytes, dtype, shape }: Tensor,
  image: ImageSize,
  frame: Frame,
  points: Float64Array,
): PointFeatures {
  const [, channels, , grid] = shape as [number, number, number, number];
  const floats = readFloats(bytes, dtype);
  const inside = sizeInFrame(image, frame);
  const n = points.length / 2;
  const values = new Float32Array(n * channels);
  const cellsX = (inside.width / image.width / frame.side) * grid;
  const cellsY = (inside.height / image.height / frame.side) * grid;
  for (let point = 0; point < n; point++) {
    const [left, right] = between((points[2 * point] as number) * cellsX, grid);
    const [top, bottom] = between((points[2 * point + 1] as number) * cellsY, grid);
    for (let channel = 0; channel < channels; channel++) {
      const at = (x: number, y: number) => floats[(channel * grid + y) * grid + x] as number;
      const mean = (y: number) => left.share * at(left.cell, y) + right.share * at(right.cell, y);
      values[point * channels + channel] =
        top.share * mean(top.cell) + bottom.share * mean(bottom.cell);
    }
  }
  return { values: scaled(values, channels), channels };
}

interface Neighbour {
  readonly cell: number;
  readonly share: number;
}

/** The two cells whose centres a place lies between, and what each counts; beyond the last centre that cell alone. */
function between(place: number, grid: number): readonly [Neighbour, Neighbour] {
  const at = Math.min(Math.max(place - 0.5, 0), grid - 1);
  const cell = Math.floor(at);
  return [
    { cell, share: cell + 1 - at },
    { cell: Math.min(cell + 1, grid - 1), share: at - cell },
  ];
}

/** Differences from the mean, whose squares add up to 1 a point in the mean. Where all points are alike they stay 0. */
function scaled(values: Float32Array, channels: number): Float32Array {
  const n = values.length / channels;
  const mean = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    mean[i % channels] = (mean[i % channels] as number) + (values[i] as number) / n;
  }
  const centred = values.map((value, i) => value - (mean[i % channels] as number));
  const square = centred.reduce((sum, value) => sum + value * value, 0) / n;
  return square > 0 ? centred.map((value) => value / Math.sqrt(square)) : centred;
}
