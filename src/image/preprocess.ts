import { preprocessShape, type RgbImage } from '../core/image.js';
import { resizeBilinear } from './resize/resize.js';

/** `ResizeLongestSide`: an image whose longest side is the model's. @param side of the model's square, in pixels. */
export function toModelSize(image: RgbImage, side: number): RgbImage {
  return resizeBilinear(image, preprocessShape(image, side));
}
