import type { RgbImage } from '../core/image.js';
import type { Box } from '../core/prompt.js';

/** A part of an image. @param box x1, y1, x2, y2: whole pixels, the last two not included. */
export function cropImage({ width, data }: RgbImage, [x1, y1, x2, y2]: Box): RgbImage {
  const stride = (x2 - x1) * 3;
  const part = new Uint8Array(stride * (y2 - y1));
  for (let y = y1; y < y2; y++) {
    const row = (y * width + x1) * 3;
    part.set(data.subarray(row, row + stride), (y - y1) * stride);
  }
  return { width: x2 - x1, height: y2 - y1, data: part };
}
