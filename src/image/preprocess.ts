import type { ModelManifest } from '../core/family/model.js';
import { preprocessShape, type RgbImage } from '../core/image.js';
import { resizeBilinear } from './resize/resize.js';

/** `ResizeLongestSide`: an image whose longest side is the model's. @param side of the model's square, in pixels. */
export function toModelSize(image: RgbImage, side: number): RgbImage {
  return resizeBilinear(image, preprocessShape(image, side));
}

/**
 * `Sam.preprocess`: normalised, then padded right and bottom with zeros.
 * @param image that `toModelSize` made.
 * @returns [3,S,S] with S the manifest's `image_size`.
 */
export function normalise(
  { data, width, height }: RgbImage,
  {
    image_size: side,
    pixel_mean,
    pixel_std,
  }: Pick<ModelManifest, 'image_size' | 'pixel_mean' | 'pixel_std'>,
): Float32Array<ArrayBuffer> {
  const [r, g, b] = pixel_mean.map((mean, channel) =>
    Float32Array.from(
      { length: 256 },
      (_, value) => (value - mean) / (pixel_std[channel] as number),
    ),
  ) as [Float32Array, Float32Array, Float32Array];
  const plane = side * side;
  const input = new Float32Array(3 * plane);
  let source = 0;
  for (let y = 0; y < height; y++) {
    const start = y * side;
    for (let at = start; at < start + width; at++) {
      input[at] = r[data[source++] as number] as number;
      input[plane + at] = g[data[source++] as number] as number;
      input[2 * plane + at] = b[data[source++] as number] as number;
    }
  }
  return input;
}
