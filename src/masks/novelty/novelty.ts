import type { ChooseTask, Chosen, FoundAt } from '../../core/everything.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import { decompress } from '../formats/rle.js';
import type { PointFeatures } from './point-features.js';

/** What the distance between two points across a whole side of the grid counts, squared, beside that of their features. */
const PLACE = 30;
/** What is left of a point's novelty beside another that has answered with a mask around both. */
const EXPLAINED = 0.25;
/** How much more a point at the border counts: objects that it cuts are small, and no point lies beyond. */
const BORDER = 1.25;

/**
 * Farthest-point sampling, in what the model sees at the points and where they lie. A point's novelty is its squared
 * distance from the nearest point that has been asked about. A mask makes its points alike: those inside of the smallest
 * mask that a point has answered with count `EXPLAINED` of their distance from that point.
 * @param features of the points. @param height of the image that masks are of.
 */
export function chooseNext(
  { points, novelty: before, asked, found, most }: ChooseTask,
  features: PointFeatures,
  height: number,
): Chosen {
  const novelty = Float32Array.from(before);
  const distance = distanceBetween(points, features);
  const see = (place: number) => {
    for (let i = 0; i < novelty.length; i++) lower(novelty, i, distance(place, i));
    novelty[place] = -1;
  };
  asked.forEach(see);
  for (const { place, masks } of found) {
    for (const i of pointsInside(smallest(masks), points, height)) {
      lower(novelty, i, EXPLAINED * distance(place, i));
    }
  }
  const places: number[] = [];
  for (let best = newest(novelty, points); best >= 0 && places.length < most; ) {
    places.push(best);
    see(best);
    best = newest(novelty, points);
  }
  return { novelty, places };
}

function lower(novelty: Float32Array, i: number, value: number): void {
  if (value < (novelty[i] as number)) novelty[i] = value;
}

/** Squared: of their features, and of their places as shares of the grid. */
function distanceBetween(points: Float64Array, { values, channels }: PointFeatures) {
  const last = points.length - 2;
  const width = (points[last] as number) - (points[0] as number) || 1;
  const height = (points[last + 1] as number) - (points[1] as number) || 1;
  return (a: number, b: number): number => {
    const x = ((points[2 * a] as number) - (points[2 * b] as number)) / width;
    const y = ((points[2 * a + 1] as number) - (points[2 * b + 1] as number)) / height;
    let sum = PLACE * (x * x + y * y);
    for (let i = a * channels, j = b * channels, end = i + channels; i < end; i++, j++) {
      const difference = (values[i] as number) - (values[j] as number);
      sum += difference * difference;
    }
    return sum;
  };
}

/** The place of the point of greatest novelty; -1 where all have been asked. */
function newest(novelty: Float32Array, points: Float64Array): number {
  const [left, top] = points;
  const [right, bottom] = points.subarray(-2);
  let best = -1;
  let most = -1;
  for (const [i, value] of novelty.entries()) {
    const [x, y] = [points[2 * i], points[2 * i + 1]];
    const isAtBorder = x === left || x === right || y === top || y === bottom;
    const weighted = isAtBorder ? BORDER * value : value;
    // Those that were asked are below 0; a double of one of them is 0.
    if (value < 0 || weighted <= most) continue;
    best = i;
    most = weighted;
  }
  return best;
}

/** Of the masks of a point the one of the fewest pixels. @returns its runs. */
function smallest(masks: FoundAt['masks']): RunLengths {
  const all = masks.map((counts) => {
    const runs = decompress(counts);
    return { runs, area: runs.reduce((sum, run, i) => sum + (i % 2 ? run : 0), 0) };
  });
  return all.reduce((least, mask) => (mask.area < least.area ? mask : least)).runs;
}

/** Places of the points whose pixels are inside of a mask. @param height of its image. */
function* pointsInside(runs: RunLengths, points: Float64Array, height: number): Generator<number> {
  const ends = new Float64Array(runs.length);
  let end = 0;
  for (const [i, run] of runs.entries()) {
    end += run;
    ends[i] = end;
  }
  for (let place = 0; 2 * place < points.length; place++) {
    const [x, y] = [points[2 * place] as number, points[2 * place + 1] as number];
    if (runAt(ends, Math.floor(x) * height + Math.floor(y)) % 2) yield place;
  }
}

/** The number of the run that a pixel lies in. @param ends where each ends, rising. */
function runAt(ends: Float64Array, pixel: number): number {
  let [from, to] = [0, ends.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ends[middle] as number) > pixel) to = middle;
    else from = middle + 1;
  }
  return from;
}
