import type { RgbImage } from '../../core/image.js';
import { resample } from './resample.js';
import { type Kernel, triangle } from './triangle.js';

/** What a model takes that sees images stretched to a square. */
export interface StretchedInput {
  /** Side of the square, in pixels. */
  readonly side: number;
  /** Of red, green and blue, each from 0 to 255. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * `SAM2Transforms`: each axis becomes the square's side by its own factor, bilinear with antialiasing as torchvision resizes
 * tensors, then normalised.
 * @returns [3,side,side]
 */
export function stretch(
  image: RgbImage,
  { side, mean, std }: StretchedInput,
): Float32Array<ArrayBuffer> {
  const filters = { rows: filter(image.height, side), columns: filter(image.width, side) };
  const share = (value: number) => value / 255;
  return resample(image, side, filters, {
    mean: mean.map(share),
    std: std.map(share),
    ground: 0,
  });
}

function filter(from: number, to: number): Kernel<Float32Array> {
  const { weights, ...places } = triangle(from, to);
  return { ...places, weights: Float32Array.from(weights) };
}
