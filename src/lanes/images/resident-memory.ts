import { readFileSync } from 'node:fs';
import { declaredSize } from '../../image/declared-size.js';
import type { Question } from './questions.js';

const PAGE_BYTES = 4096;
/** The process itself, with its threads and what each library keeps whatever the image's size. */
const BASE_BYTES = 384 * 2 ** 20;
/** Half as much again as the hungriest honest file takes; see the test. */
const BYTES_PER_PIXEL = { prepare: 24, overlay: 24, cutOut: 32 };

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
 * The most memory that a question about an image file may take, by the pixels that it declares to have.
 * @param maxPixels of a file that does not tell.
 */
export function memoryBound(kind: Question['kind'], file: Uint8Array, maxPixels: number): number {
  const declared = declaredSize(file);
  const pixels = declared ? Math.min(maxPixels, declared.width * declared.height) : maxPixels;
  return BASE_BYTES + 2 * file.length + BYTES_PER_PIXEL[kind] * pixels;
}
