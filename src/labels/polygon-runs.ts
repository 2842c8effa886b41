import type { ImageSize } from '../core/image.js';
import type { Ring } from '../core/mask.js';
import { runsBetween } from '../masks/postprocess.js';

/** Lines are drawn on a grid that is finer than the pixels by this. */
const SCALE = 5;

/**
 * The pixels that a polygon covers, to the pixel as COCO's own tools have it (`rleFrPoly` of pycocotools): its outline is
 * drawn on a grid five times as fine, and what it crosses on the middle line of each column of pixels begins or ends a run.
 * What lies outside of the image is cut off.
 * @param ring x1, y1, x2, y2... in pixels; (0,0) is the outer corner of the first pixel.
 * @returns column-major runs, the first outside.
 */
export function polygonRuns(ring: Ring, { width, height }: ImageSize): number[] {
  const crossings: number[] = [];
  let last: readonly [u: number, v: number] | undefined;
  const visit = (u: number, v: number) => {
    if (last && last[0] !== u) {
      const x = (Math.min(u, last[0]) + 0.5) / SCALE - 0.5;
      if (Number.isInteger(x) && x >= 0 && x < width) {
        const y = Math.ceil((Math.min(v, last[1]) + 0.5) / SCALE - 0.5);
        crossings.push(x * height + Math.min(height, Math.max(0, y)));
      }
    }
    last = [u, v];
  };
  const corners = onGrid(ring);
  for (const [i, corner] of corners.entries()) {
    drawLine(corner, corners[(i + 1) % corners.length] as Corner, visit);
  }
  crossings.sort((a, b) => a - b);
  return runsOf(crossings, width * height);
}

type Corner = readonly [x: number, y: number];

function onGrid(ring: Ring): Corner[] {
  const at = (i: number) => Math.trunc(SCALE * (ring[i] as number) + 0.5);
  return Array.from({ length: ring.length / 2 }, (_, i) => [at(2 * i), at(2 * i + 1)]);
}

/**
 * Visits the points of a line from end to end, one for each step along its longer side. They are computed from the same
 * end in both directions, so that neighbours share their border.
 */
function drawLine(from: Corner, to: Corner, visit: (u: number, v: number) => void): void {
  const [dx, dy] = [Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
  const [long, across] = dx >= dy ? ([0, 1] as const) : ([1, 0] as const);
  const steps = Math.max(dx, dy);
  const turned = from[long] > to[long];
  const [start, end] = turned ? [to, from] : [from, to];
  const slope = steps === 0 ? 0 : (end[across] - start[across]) / steps;
  for (let step = 0; step <= steps; step++) {
    const t = turned ? steps - step : step;
    const along = start[long] + t;
    const beside = Math.trunc(start[across] + slope * t + 0.5);
    if (long === 0) visit(along, beside);
    else visit(beside, along);
  }
}

/** Runs that begin and end at these places, of which equal ones cancel in pairs. @param ends ascending. */
function runsOf(ends: readonly number[], pixels: number): number[] {
  const turns: number[] = [];
  for (const end of ends) {
    if (turns.at(-1) === end) turns.pop();
    else turns.push(end);
  }
  if (turns.at(-1) === pixels) turns.pop();
  return runsBetween(turns, pixels);
}
