import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import sharp from 'sharp';
import type { ImageSize } from '../core/image.js';
import { pngChunk } from '../core/png-chunk.js';
import { neededChunks } from '../core/png-chunks.js';
import { stripsOf } from './components.js';
import { fromImage } from './rle.js';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** Of a pixel of four channels of 16 bits, and of what rows and packing add. */
const MAX_PIXEL_BYTES = 9;
const SPARE_BYTES = 2 ** 17;

/**
 * A mask of column-major runs as a PNG of one bit a pixel: white inside, black outside. Written here because
 * sharp packs bits with a palette only, and the readers of such files see numbers of colours in place of grey.
 */
export async function encodePng(
  counts: readonly number[],
  { width, height }: ImageSize,
): Promise<Buffer> {
  // Each row begins with the number of its filter: none.
  const stride = 1 + Math.ceil(width / 8);
  const rows = new Uint8Array(stride * height);
  for (const { x, from, to } of stripsOf(counts, height, 'inside')) {
    const bit = 0x80 >> (x % 8);
    for (let at = from * stride + 1 + (x >> 3); at < to * stride; at += stride) {
      rows[at] = (rows[at] as number) | bit;
    }
  }
  // One bit, grey, and the only methods of compression, filtering and interlacing that there are.
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const data = await promisify(deflate)(rows);
  return Buffer.concat([
    SIGNATURE,
    pngChunk('IHDR', header),
    pngChunk('IDAT', data),
    pngChunk('IEND'),
  ]);
}

/**
 * Column-major runs of a mask that came as a PNG: inside is what is at least half opaque or, where nothing is
 * transparent, at least half white.
 * @returns undefined when the file is damaged, no PNG, or not of the image's size.
 */
export async function decodePng(file: Buffer, image: ImageSize): Promise<number[] | undefined> {
  const { width, height } = image;
  // The size stands at a fixed place, so that nothing larger than the image is ever unpacked.
  if (file.length < 24 || !file.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return undefined;
  if (file.readUInt32BE(16) !== width || file.readUInt32BE(20) !== height) return undefined;
  const needed = neededChunks(file);
  // Packed pixels are no larger than plain ones, but for a little.
  if (needed.length > MAX_PIXEL_BYTES * width * height + SPARE_BYTES) return undefined;
  try {
    const options = { failOn: 'truncated', limitInputPixels: width * height } as const;
    const { hasAlpha } = await sharp(needed, options).metadata();
    const picture = sharp(needed, options);
    const channel = hasAlpha ? picture.extractChannel('alpha') : picture.toColourspace('b-w');
    return fromImage(await channel.raw({ depth: 'uchar' }).toBuffer(), image);
  } catch {
    return undefined;
  }
}
