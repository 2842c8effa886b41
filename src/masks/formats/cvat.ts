import type { ImageSize } from '../../core/image.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import { extentOf } from '../extent.js';
import { toImage } from './rle.js';

/**
 * The `points` of a mask as CVAT keeps it and its SDK's `encode_mask` makes it: run lengths of the smallest box around
 * it, row by row, background first, and then the box's left, top, right and bottom pixels. An empty mask has none.
 */
export function toCvat(counts: RunLengths, image: ImageSize): number[] {
  const [left, top, width, height] = extentOf(counts, image.height).bbox;
  if (width === 0) return [];
  const pixels = toImage(counts, image);
  const points: number[] = [];
  let length = 0;
  let inside = 0;
  for (let y = top; y < top + height; y++) {
    const row = y * image.width;
    for (let x = row + left; x < row + left + width; x++) {
      if (pixels[x] !== inside) {
        points.push(length);
        length = 0;
        inside = pixels[x] as number;
      }
      length++;
    }
  }
  points.push(length, left, top, left + width - 1, top + height - 1);
  return points;
}
