import sharp from 'sharp';
import type { RgbImage } from '../core/image.js';
import { stripsOf } from './strips.js';

/**
 * The pixels of a photograph that lie inside a mask, on transparent ground: a PNG of the image's size.
 * @param runs column-major run lengths of the image's size, background first.
 */
export async function cutOut(
  { width, height, data }: RgbImage,
  runs: Uint32Array,
): Promise<Uint8Array> {
  const canvas = new Uint8Array(width * height * 4);
  const { count, starts, ends } = stripsOf(runs, height);
  for (let i = 0; i < count; i++) {
    const start = starts[i] as number;
    const x = Math.floor(start / height);
    const y = start % height;
    const bottom = y + (ends[i] as number) - start;
    for (let pixel = y * width + x; pixel < bottom * width; pixel += width) {
      canvas[pixel * 4] = data[pixel * 3] as number;
      canvas[pixel * 4 + 1] = data[pixel * 3 + 1] as number;
      canvas[pixel * 4 + 2] = data[pixel * 3 + 2] as number;
      canvas[pixel * 4 + 3] = 255;
    }
  }
  return sharp(canvas, { raw: { width, height, channels: 4 }, limitInputPixels: false })
    .png()
    .toBuffer();
}
