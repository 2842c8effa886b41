import simplifyLine from 'simplify-js';
import type { Polygon, Ring } from '../core/mask.js';

/**
 * Polygons with fewer corners: no point of an outline moves by more than `tolerance` pixels (Douglas-Peucker).
 * Holes that vanish are left out; an outer ring that would stays as it is. Rings of other polygons are not
 * looked at, so simplified outlines may cross where they were close.
 */
export function simplifyPolygons(
  polygons: readonly Polygon[],
  tolerance: number,
  _pinned?: (x: number, y: number) => boolean,
): Polygon[] {
  if (tolerance === 0) return [...polygons];
  return polygons.map(([outer, ...holes]) => {
    const simplified = simplifyRing(outer as Ring, tolerance) ?? (outer as Ring);
    return [
      simplified,
      ...holes.flatMap((hole) =>
        [simplifyRing(hole, tolerance) ?? []].filter((ring) => ring.length > 0),
      ),
    ];
  });
}

/** @returns undefined when no area is left. */
function simplifyRing(ring: Ring, tolerance: number): Ring | undefined {
  const points = Array.from({ length: ring.length / 2 }, (_, i) => ({
    x: ring[2 * i] as number,
    y: ring[2 * i + 1] as number,
  }));
  const closed = simplifyLine([...points, ...points.slice(0, 1)], tolerance, true);
  return closed.length > 3 ? closed.slice(0, -1).flatMap(({ x, y }) => [x, y]) : undefined;
}
