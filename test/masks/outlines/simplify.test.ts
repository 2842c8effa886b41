import t from 'tap';
import type { Polygon, Ring } from '#src/core/mask.js';
import { tracePolygons } from '#src/masks/outlines/polygons.js';
import { simplifyPolygons } from '#src/masks/outlines/simplify.js';
import { traceWithoutHoles } from '#src/masks/outlines/slabs.js';
import { runsOf } from '../../fixtures/bitmap.js';
import { type DrawnMask, drawnMasks } from '../../fixtures/masks.js';
import { noise } from '../../fixtures/pictures.js';
import { faults } from '../../fixtures/validity.js';

const TOLERANCES = [0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 13, 30, 100, 1000, 1e9];

/** Blobs with bays, islands and corners that touch: noise that has been smoothed, cut where it is this high. */
function blobs(seed: number, side: number, smoothing: number, level: number): DrawnMask {
  const next = noise(seed);
  let heights = Array.from({ length: side * side }, next);
  for (let round = 0; round < smoothing; round++) {
    heights = heights.map((_, i) => {
      const [x, y] = [i % side, Math.floor(i / side)];
      let [sum, count] = [0, 0];
      for (let v = Math.max(0, y - 1); v <= Math.min(side - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(side - 1, x + 1); u++) {
          sum += heights[v * side + u] as number;
          count++;
        }
      }
      return sum / count;
    });
  }
  const inside = (x: number, y: number) => (heights[y * side + x] as number) > level;
  const counts = runsOf(side, side, inside);
  return { name: `blobs ${seed}`, width: side, height: side, counts };
}

const corners = (polygons: readonly Polygon[]) => polygons.flat(2).length / 2;

t.test('valid at every tolerance, and never more corners for a larger one', async (t) => {
  const masks = drawnMasks();
  for (let seed = 1; seed <= 24; seed++) {
    masks.push(blobs(seed, 12 + (seed % 4) * 6, seed % 4, 0.5));
  }
  for (const mask of masks) {
    const exact = tracePolygons(mask.counts, mask);
    t.same(faults(exact), [], `${mask.name}, exact`);
    let before = corners(exact);
    for (const tolerance of TOLERANCES) {
      const simple = simplifyPolygons(exact, tolerance);
      const found = faults(simple);
      if (found.length > 0) t.fail(`${mask.name} at ${tolerance}: ${[...new Set(found)].join()}`);
      const own = corners(simple);
      if (own > before) t.fail(`${mask.name}: ${own} corners at ${tolerance}, ${before} below`);
      before = own;
      if (
        String(simple.map(({ length }) => length)) !== String(exact.map(({ length }) => length))
      ) {
        t.fail(`${mask.name}: a ring is lost`);
      }
      const off = Math.max(0, ...exact.flatMap((p, i) => distance(p, simple[i] as Polygon)));
      if (off > tolerance + 1e-9) t.fail(`${mask.name} at ${tolerance}: ${off} pixels off`);
    }
  }
});

/** How far the corners of each ring lie from what is left of it. */
function distance(exact: Polygon, simple: Polygon): number[] {
  return exact.flatMap((ring, i) => {
    const left = simple[i] as Ring;
    return points(ring).map(([x, y]) =>
      Math.min(
        ...points(left).map(([ax, ay], k, all) => {
          const [bx, by] = all[(k + 1) % all.length] as [number, number];
          const [dx, dy] = [bx - ax, by - ay];
          const share = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy);
          const near = Math.min(1, Math.max(0, share));
          return Math.hypot(x - ax - near * dx, y - ay - near * dy);
        }),
      ),
    );
  });
}

function points(ring: Ring): [number, number][] {
  return Array.from({ length: ring.length / 2 }, (_, i) => [
    ring[2 * i] as number,
    ring[2 * i + 1] as number,
  ]);
}

t.test('a disc becomes a polygon of a few corners, and then a triangle', async (t) => {
  const inside = (x: number, y: number) => Math.hypot(x - 100, y - 100) < 80;
  const exact = tracePolygons(runsOf(200, 200, inside), { width: 200, height: 200 });
  t.ok(corners(simplifyPolygons(exact, 1)) < corners(exact) / 4);
  t.ok(corners(simplifyPolygons(exact, 2)) < 24);
  t.equal(corners(simplifyPolygons(exact, 1000)), 3);
  t.same(simplifyPolygons(exact, 0), exact);
});

t.test('rings without holes are polygons of their own at every tolerance', async (t) => {
  for (const mask of [...drawnMasks(), ...[1, 2, 3, 5, 6].map((seed) => blobs(seed, 30, 2, 0.5))]) {
    let before = Number.POSITIVE_INFINITY;
    for (const tolerance of [0, 1, 3, 100]) {
      const rings = traceWithoutHoles(mask.counts, mask, tolerance);
      // Neighbours have a cut in common.
      t.same(
        rings.flatMap((ring) => faults([[ring]])),
        [],
        `${mask.name} at ${tolerance}`,
      );
      t.ok(rings.flat().length <= before, 'no more corners');
      before = rings.flat().length;
    }
  }
});

t.test('vertices that are pinned stay', async (t) => {
  const { counts, ...image } = blobs(3, 30, 3, 0.5);
  const exact = tracePolygons(counts, image);
  const onLine = (x: number) => x === 15;
  const simple = simplifyPolygons(exact, 1000, onLine);
  const of = (polygons: readonly Polygon[]) =>
    polygons.flat().flatMap((ring) => points(ring).filter(([x]) => onLine(x))).length;
  t.equal(of(simple), of(exact));
});
