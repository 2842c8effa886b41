import type { ImageSize } from '../../core/image.js';
import type { Georeference, Polygon } from '../../core/mask.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import { tracePolygons } from './polygons.js';
import { splitRuns } from './slabs.js';

/** Pixels; what lies nearer to a line between two columns lies on it, so that no outline is a hair. */
const SNAP = 1e-6;

/** Which column of an image, counted in pixels, the antimeridian runs down; undefined where it does not. */
export function antimeridianOf({ width }: ImageSize, { bounds }: Georeference): number | undefined {
  if (!bounds) return undefined;
  const [west, , east] = bounds;
  if (west <= east) return undefined;
  const column = (width * (180 - west)) / (east + 360 - west);
  const nearest = Math.round(column);
  return Math.abs(column - nearest) < SNAP ? nearest : column;
}

/**
 * The outlines of a mask, cut in two: `tracePolygons` of what lies left of a line down the image, and of what lies right.
 * Each part is traced with the whole column that the line runs through, and the far side of that column moved to it.
 * @param seam where the line is, in pixels, within the image.
 */
export function traceHalves(
  counts: RunLengths,
  { width, height }: ImageSize,
  seam: number,
): [left: Polygon[], right: Polygon[]] {
  const columns = (from: number, to: number) => {
    const [, runs] = splitRuns(counts, [from * height, to * height, width * height]);
    return runs as number[];
  };
  const part = (from: number, to: number, moved: (x: number) => number) =>
    tracePolygons(columns(from, to), { width: to - from, height }).map((rings) =>
      rings.map((ring) => ring.map((value, i) => (i % 2 ? value : moved(value + from)))),
    );
  const [last, first] = [Math.ceil(seam), Math.floor(seam)];
  return [part(0, last, (x) => Math.min(x, seam)), part(first, width, (x) => Math.max(x, seam))];
}
