import type { RunLengths } from '../core/masks/run-lengths.js';

/** How much of an image a mask covers, and where. */
export interface Extent {
  /** Pixels inside. */
  readonly area: number;
  /** x, y, width, height of the smallest box around them; zeros when the mask is empty. */
  readonly bbox: readonly [x: number, y: number, width: number, height: number];
}

/**
 * Measures a mask.
 * @param height of the image.
 */
export function extentOf(counts: RunLengths, height: number): Extent {
  let area = 0;
  let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, height, -1, -1];
  let start = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number;
    const end = start + count;
    if (i % 2 && count > 0) {
      area += count;
      const [first, last] = [Math.floor(start / height), Math.floor((end - 1) / height)];
      left = Math.min(left, first);
      right = last;
      // A run that goes on in the next column touches the bottom of one and the top of the other.
      top = first === last ? Math.min(top, start % height) : 0;
      bottom = first === last ? Math.max(bottom, (end - 1) % height) : height - 1;
    }
    start = end;
  }
  return { area, bbox: area > 0 ? [left, top, right - left + 1, bottom - top + 1] : [0, 0, 0, 0] };
}
