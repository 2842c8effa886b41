import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import sharp from 'sharp';
import { pngChunk } from '../../core/bytes/png-chunk.js';
import { neededChunks } from '../../core/bytes/png-chunks.js';
import type { ImageSize } from '../../core/image.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import { stripsOf } from '../components.js';
import { fromImage } from './rle.js';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** Of a pixel of four channels of 16 bits, and of what rows and packing add. */
const MAX_PIXEL_BYTES = 9;
const SPARE_BYTES = 2 ** 17;

/**
 * A mask as a PNG of one bit a pixel: white inside, black outside. Written here because
 * sharp packs bits with a palette only, and the readers of such files see numbers of colours in place of grey.
 */
export async function encodePng(counts: RunLengths, { width, height }: ImageSize): Promise<Buffer> {
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
 * Run lengths of a mask that came as a PNG. Transparency tells what is inside: what is at least half opaque. Where
 * everything is, as in what a canvas exports, or nothing can be transparent, lightness does: inside is what is at least
 * half white or, where nothing is that light, whatever is not black, as in files of zeros and ones. Where a palette has
 * colours, inside is all that has not its first.
 * @returns undefined when the file is damaged, no PNG, or not of the image's size.
 */
export async function decodePng(file: Buffer, image: ImageSize): Promise<number[] | undefined> {
  const { width, height } = image;
  // The size stands at a fixed place, so that nothing larger than the image is ever unpacked.
  if (file.length < 33 || !file.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return undefined;
  if (file.readUInt32BE(16) !== width || file.readUInt32BE(20) !== height) return undefined;
  try {
    const needed = neededChunks(file);
    // Packed pixels are no larger than plain ones, but for a little.
    if (needed.length > MAX_PIXEL_BYTES * width * height + SPARE_BYTES) return undefined;
    return await readPixels(withPlainPalette(Buffer.from(needed)), image);
  } catch {
    return undefined;
  }
}

/** Each way to read the file unpacks it anew: a mask of the largest images is held with one number a pixel only. */
async function readPixels(file: Buffer, image: ImageSize): Promise<number[]> {
  const options = {
    failOn: 'truncated',
    limitInputPixels: image.width * image.height,
  } as const;
  const { hasAlpha } = await sharp(file, options).metadata();
  const open = () => sharp(file, options);
  if (hasAlpha) {
    const alpha = await open().extractChannel('alpha').raw({ depth: 'uchar' }).toBuffer();
    const counts = fromImage(alpha, image);
    // Whether anything is transparent: a whole mask has no background before its first run, and none after.
    if (counts.length !== 2 || counts[0] !== 0) return counts;
  }
  const opaque = () => (hasAlpha ? open().flatten() : open());
  const light = await opaque().toColourspace('b-w').raw({ depth: 'uchar' }).toBuffer();
  const counts = fromImage(light, image);
  if (counts.length > 1) return counts;
  // All bits of the three colours, 16 of each where the file has them: none may be rounded to black.
  const bits = opaque().bandbool('or').toColourspace('grey16').raw({ depth: 'ushort' });
  const bytes = await bits.toBuffer();
  const lit = new Uint16Array(bytes.buffer, bytes.byteOffset, image.width * image.height);
  return fromImage(lit, image, 0);
}

/** IHDR's type of colour for which pixels are numbers of a palette. */
const INDEXED = 3;

/**
 * A palette's colours are names of classes, the first that of the background: how light they are says nothing. Such a
 * file gets black for it and white for all others; a palette of greys stays.
 */
function withPlainPalette(file: Buffer): Buffer {
  const at = file.indexOf('PLTE', SIGNATURE.length, 'latin1') - 4;
  if (file[25] !== INDEXED || at < 0) return file;
  const colours = file.subarray(at + 8, at + 8 + file.readUInt32BE(at));
  const entries = Array.from({ length: Math.floor(colours.length / 3) }, (_, i) =>
    colours.subarray(3 * i, 3 * i + 3),
  );
  if (entries.every(([red, green, blue]) => red === green && green === blue)) return file;
  const background = Buffer.from(entries[0] as Buffer);
  const plain = Buffer.concat(
    entries.map((entry) => Buffer.alloc(3, entry.equals(background) ? 0 : 255)),
  );
  const end = at + 12 + colours.length;
  return Buffer.concat([file.subarray(0, at), pngChunk('PLTE', plain), file.subarray(end)]);
}
