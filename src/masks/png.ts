import sharp from 'sharp';
import type { ImageSize } from '../core/image.js';
import { toImage } from './rle.js';

/** A mask of column-major runs as a one-channel PNG: 255 inside, 0 outside. */
export async function encodePng(
  counts: readonly number[],
  { width, height }: ImageSize,
): Promise<Uint8Array> {
  const raw = { width, height, channels: 1 } as const;
  const pixels = toImage(counts, { width, height });
  return sharp(pixels, { raw, limitInputPixels: false })
    .toColourspace('b-w')
    .png({ compressionLevel: 6 })
    .toBuffer();
}
