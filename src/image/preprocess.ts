import { preprocessShape, type RgbImage } from '../core/image.js';
import type { ModelManifest } from '../core/model.js';
import { resizeBilinear } from './resize.js';

/**
 * `Sam.preprocess` after `ResizeLongestSide`: longest side to the model's, normalised, then padded right
 * and bottom with zeros.
 * @returns [3,S,S] with S the manifest's `image_size`.
 */
export function preprocess(
  image: RgbImage,
  {
    image_size: side,
    pixel_mean,
    pixel_std,
  }: Pick<ModelManifest, 'image_size' | 'pixel_mean' | 'pixel_std'>,
): Float32Array<ArrayBuffer> {
  const { data, width, height } = resizeBilinear(image, preprocessShape(image, side));
  const input = new Float32Array(3 * side * side);
  for (const [channel, mean] of pixel_mean.entries()) {
    const std = pixel_std[channel] as number;
    const normalised = Float32Array.from({ length: 256 }, (_, value) => (value - mean) / std);
    for (let y = 0; y < height; y++) {
      const row = (channel * side + y) * side;
      for (let x = 0; x < width; x++) {
        input[row + x] = normalised[data[(y * width + x) * 3 + channel] as number] as number;
      }
    }
  }
  return input;
}
