import sharp from 'sharp';
import type { RgbImage } from '../core/image.js';

/** An image as a PNG, every pixel as it is. */
export function encodeImage({ data, width, height }: RgbImage): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
