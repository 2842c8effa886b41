import type { ImageSize } from '../../core/image.js';
import type { Polygon, Ring } from '../../core/mask.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import { connectedComponents } from '../components.js';

/** Steps along the edges of pixels: right, down, left, up; one more is a turn to the right. */
const STEPS = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;

/**
 * The outlines of a mask along the edges of its pixels: filling them gives the very mask back. Pixels that
 * touch at a corner only belong to different polygons or lie on both sides of a hole, and no ring passes
 * through a point twice, so the polygons are valid as OGC and GeoJSON want them.
 * @returns for each polygon its outer ring, clockwise on the screen, and then its holes, the other way round.
 */
export function tracePolygons(counts: RunLengths, image: ImageSize): Polygon[] {
  const { strips, labels } = connectedComponents(counts, image.height, 'inside', 4);
  const grid = new Grid(counts, image);
  const outlines = new Map<number, Ring[]>();
  for (const [i, { x, from }] of strips.entries()) {
    // Every ring has a pixel's upper edge in it: an outer ring its topmost, a hole the one below it.
    if (grid.isTraced(x, from)) continue;
    const label = labels[i] as number;
    const rings = outlines.get(label) ?? [];
    rings.push(...trace(grid, x, from));
    outlines.set(label, rings);
  }
  return [...outlines.values()].map((rings) => rings.sort((a, b) => signedArea(b) - signedArea(a)));
}

/** Twice the area a ring encloses; positive when it runs clockwise with y down. */
export function signedArea(ring: Ring): number {
  let sum = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const next = (i + 2) % ring.length;
    sum += (ring[i] as number) * (ring[next + 1] as number);
    sum -= (ring[next] as number) * (ring[i + 1] as number);
  }
  return sum;
}

const INSIDE = 1;
const TRACED = 2;

/** A mask's pixels with a margin of background, and which upper edges have been passed. */
class Grid {
  readonly #cells: Uint8Array;
  readonly #stride: number;

  constructor(counts: RunLengths, { width, height }: ImageSize) {
    this.#stride = height + 2;
    this.#cells = new Uint8Array((width + 2) * this.#stride);
    let at = 0;
    for (const [i, count] of counts.entries()) {
      const end = at + count;
      while (at < end) {
        const x = Math.floor(at / height);
        const next = Math.min(end, (x + 1) * height);
        const cell = (x + 1) * this.#stride + 1 + at - x * height;
        if (i % 2) this.#cells.fill(INSIDE, cell, cell + next - at);
        at = next;
      }
    }
  }

  isInside(x: number, y: number): boolean {
    return this.#cells[(x + 1) * this.#stride + y + 1] !== 0;
  }

  isTraced(x: number, y: number): boolean {
    return this.#cells[(x + 1) * this.#stride + y + 1] === TRACED;
  }

  trace(x: number, y: number): void {
    this.#cells[(x + 1) * this.#stride + y + 1] = TRACED;
  }
}

/** Follows the outline that has the upper edge of a pixel in it, the mask on its right. */
function trace(grid: Grid, startX: number, startY: number): Ring[] {
  const rings: Ring[] = [];
  const ring: number[] = [];
  /** Where in the ring the corners are at which only a diagonal neighbour lies across. */
  const pinches = new Map<string, number>();
  let [x, y, heading] = [startX, startY, 0];
  do {
    if (heading === 0) grid.trace(x, y);
    const [dx, dy] = STEPS[heading] as (typeof STEPS)[number];
    x += dx;
    y += dy;
    // Of the two pixels ahead, the one on the right is where the mask goes on.
    const right = grid.isInside(x + ((dx - dy - 1) >> 1), y + ((dx + dy - 1) >> 1));
    const left = grid.isInside(x + ((dx + dy - 1) >> 1), y + ((dy - dx - 1) >> 1));
    if (right && !left) continue;
    if (!right && left) {
      const seen = pinches.get(`${x},${y}`);
      // The second time, what lies between the two is a ring of its own.
      if (seen !== undefined) rings.push(ring.splice(seen));
      else pinches.set(`${x},${y}`, ring.length);
    }
    ring.push(x, y);
    heading = (heading + (right ? 3 : 1)) % 4;
  } while (x !== startX || y !== startY || heading !== 0);
  rings.push(ring);
  return rings;
}
