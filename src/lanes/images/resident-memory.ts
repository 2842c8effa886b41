import { readFileSync } from 'node:fs';
import { declaredSize } from '../../image/declared-size.js';
import { sniffFormat } from '../../image/format.js';

const PAGE_BYTES = 4096;
/** The process itself, some 75 MB, and room for what does not grow with an image. */
const BASE_BYTES = 256 * 2 ** 20;
/** A pixel of an AVIF was seen to take 18.6 bytes, however it is coded. */
const AVIF_PIXEL_BYTES = 24;
/** Of all else, 17.2: in a cut-out of an interlaced PNG of four channels of 16 bits that is to be turned. */
const PIXEL_BYTES = 18;
/** A run of a mask takes at least a byte of its text: its length, and where its stretches start and end. */
const RUN_BYTES = 16;

/** Physical memory of a process. @returns 0 where nobody tells, or the process is gone. */
export function residentBytes(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return 0;
  try {
    const [, pages] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ');
    return Number(pages) * PAGE_BYTES;
  } catch {
    return 0;
  }
}

/**
 * The most memory that decoding an image file may take, and drawing masks on it, by the pixels that it declares.
 * @param parts the file, and the masks as COCO's compressed strings, one of which is read at a time.
 * @param maxPixels of a file that does not tell.
 */
export function memoryBound(
  [file, ...masks]: readonly [file: Uint8Array, ...masks: Uint8Array[]],
  maxPixels: number,
): number {
  const declared = declaredSize(file);
  const pixels = declared ? Math.min(maxPixels, declared.width * declared.height) : maxPixels;
  const decoded = pixels * (sniffFormat(file) === 'avif' ? AVIF_PIXEL_BYTES : PIXEL_BYTES);
  // Cut-outs wait for each other, no larger than the pixels they are made together for.
  const texts = masks.reduce((sum, { length }) => sum + length, 0);
  const longest = masks.reduce((most, { length }) => Math.max(most, length), 0);
  return BASE_BYTES + 2 * file.length + decoded + texts + RUN_BYTES * longest;
}
