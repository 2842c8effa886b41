import type { ImageSize } from '../../core/image.js';
import type { Ring } from '../../core/mask.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import { tracePolygons } from './polygons.js';
import { simplifyPolygons } from './simplify.js';

/**
 * The outlines of a mask as rings that are filled each by itself, for formats that know no holes: the mask is cut down
 * the image at the first column of every hole, which opens it, and each part is traced by itself.
 * @param tolerance as `simplifyPolygons` has it; what lies on
 *   a cut stays.
 * @returns rings clockwise on the screen; filled, they do not overlap and are the mask.
 */
export function traceWithoutHoles(counts: RunLengths, image: ImageSize, tolerance: number): Ring[] {
  const whole = tracePolygons(counts, image);
  const holes = whole.flatMap(([, ...rings]) => rings);
  if (holes.length === 0) return simplifyPolygons(whole, tolerance).flat();
  const cuts = new Set(holes.map((hole) => leftOf(hole)));
  const edges = [...cuts, image.width].sort((a, b) => a - b);
  const { height } = image;
  let from = 0;
  return splitRuns(
    counts,
    edges.map((edge) => edge * height),
  ).flatMap((runs, i) => {
    const [left, right] = [from, edges[i] as number];
    from = right;
    const traced = tracePolygons(runs, { width: right - left, height });
    const placed = traced.map((rings) => rings.map((ring) => moved(ring, left)));
    return simplifyPolygons(placed, tolerance, (x) => cuts.has(x)).flat();
  });
}

function leftOf(ring: Ring): number {
  return ring.reduce(
    (least, x, i) => (i % 2 ? least : Math.min(least, x)),
    Number.POSITIVE_INFINITY,
  );
}

function moved(ring: Ring, left: number): number[] {
  return ring.map((value, i) => (i % 2 ? value : value + left));
}

/** The runs of the pixels up to each of the ends, from the one before. @param ends ascending, the last that of all. */
export function splitRuns(counts: RunLengths, ends: readonly number[]): number[][] {
  const parts: number[][] = [[]];
  let at = 0;
  for (const [i, count] of counts.entries()) {
    for (let left = count; left > 0; ) {
      const part = parts.at(-1) as number[];
      const room = (ends[parts.length - 1] as number) - at;
      const length = Math.min(left, room);
      // Every other run is of the background, the first too, however short.
      if (length > 0 && part.length % 2 !== i % 2) part.push(0);
      if (length > 0) part.push(length);
      at += length;
      left -= length;
      if (length === room && parts.length < ends.length) parts.push([]);
    }
  }
  return parts;
}
