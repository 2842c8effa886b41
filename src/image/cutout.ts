import sharp from 'sharp';
import type { RgbImage } from '../core/image.js';

/**
 * The pixels of a photograph that lie inside a mask, on transparent ground: a PNG of the image's size.
 * @param counts column-major run lengths of the image's size, background first.
 */
export async function cutOut(
  { width, height, data }: RgbImage,
  counts: readonly number[],
): Promise<Uint8Array> {
  const canvas = new Uint8Array(width * height * 4);
  let at = 0;
  for (const [i, count] of counts.entries()) {
    const end = at + count;
    for (; i % 2 && at < end; at++) {
      const pixel = (at % height) * width + Math.floor(at / height);
      canvas[pixel * 4] = data[pixel * 3] as number;
      canvas[pixel * 4 + 1] = data[pixel * 3 + 1] as number;
      canvas[pixel * 4 + 2] = data[pixel * 3 + 2] as number;
      canvas[pixel * 4 + 3] = 255;
    }
    at = end;
  }
  return sharp(canvas, { raw: { width, height, channels: 4 }, limitInputPixels: false })
    .png()
    .toBuffer();
}
