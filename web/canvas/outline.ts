import type { DecodedMask } from 'sam-split-client';
import { tracePolygons } from '../../src/masks/outlines/polygons.js';

const outlines = new WeakMap<DecodedMask, Path2D>();

/** A mask's outline along the edges of its pixels, in pixels of the image; to be filled by the even-odd rule. */
export function outlineOf(mask: DecodedMask): Path2D {
  const known = outlines.get(mask);
  if (known) return known;
  const [height, width] = mask.segmentation.size;
  const path = new Path2D();
  for (const ring of tracePolygons(mask.segmentation.counts, { width, height }).flat()) {
    path.moveTo(ring[0] as number, ring[1] as number);
    for (let i = 2; i < ring.length; i += 2) path.lineTo(ring[i] as number, ring[i + 1] as number);
    path.closePath();
  }
  outlines.set(mask, path);
  return path;
}

/** Whether a place lies in a mask. */
export function contains(
  { segmentation }: DecodedMask,
  { x, y }: { x: number; y: number },
): boolean {
  const [height, width] = segmentation.size;
  const pixel = Math.min(Math.floor(x), width - 1) * height + Math.min(Math.floor(y), height - 1);
  let end = 0;
  for (const [i, count] of segmentation.counts.entries()) {
    end += count;
    if (pixel < end) return i % 2 === 1;
  }
  return false;
}
