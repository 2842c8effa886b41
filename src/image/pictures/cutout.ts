import sharp from 'sharp';
import type { RgbaImage } from '../../core/image.js';
import type { PackedRunLengths } from '../../core/masks/run-lengths.js';
import { stripsOf } from './strips.js';

/**
 * The pixels of a photograph that lie inside a mask, as opaque as they are, on transparent ground: a PNG of the image's
 * size.
 * @param runs of the image's size.
 */
export async function cutOut(
  { width, height, data }: RgbaImage,
  runs: PackedRunLengths,
): Promise<Uint8Array> {
  const canvas = new Uint8Array(width * height * 4);
  const { count, starts, ends } = stripsOf(runs, height);
  for (let i = 0; i < count; i++) {
    const start = starts[i] as number;
    const x = Math.floor(start / height);
    const y = start % height;
    const bottom = y + (ends[i] as number) - start;
    for (let pixel = y * width + x; pixel < bottom * width; pixel += width) {
      const at = pixel * 4;
      canvas[at] = data[at] as number;
      canvas[at + 1] = data[at + 1] as number;
      canvas[at + 2] = data[at + 2] as number;
      canvas[at + 3] = data[at + 3] as number;
    }
  }
  return sharp(canvas, { raw: { width, height, channels: 4 }, limitInputPixels: false })
    .png()
    .toBuffer();
}
