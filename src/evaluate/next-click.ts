import type { ImageSize } from '../core/image.js';

/** A click on a pixel, by the pixel's column and row. */
export interface PixelClick {
  readonly point: readonly [x: number, y: number];
  /** 1 where the object was missed, 0 where something else was taken for it. */
  readonly label: 0 | 1;
  /** Pixels of the region it is in. */
  readonly area: number;
  /** The square of its distance to the region's outside. */
  readonly depth2: number;
}

/** What a pixel of the errors is. */
const RIGHT = 0;
const MISSED = 1;
const MISTAKEN = 2;
const SEEN = 3;

/** The errors within the smallest box around them, with a border of one pixel in which nothing is wrong. */
interface Errors {
  /** [high,wide] what each pixel is. */
  readonly cells: Uint8Array;
  readonly wide: number;
  /** The image's column and row of the first cell. */
  readonly left: number;
  readonly top: number;
}

/**
 * Where a user clicks next: in the largest region of errors, on the pixel farthest from its outside. Missed and mistaken
 * pixels are apart; regions join at corners; of equals the missed comes first, then the one whose first pixel does,
 * row by row. Distances are Euclidean between the centres of pixels, and all beyond the image is outside.
 * @param label and `mask` of the image's size, row by row, 0 outside; with an empty mask this is the first click.
 * @param clicked pixels that are not clicked again.
 * @returns undefined where nothing is wrong, or all of the region was clicked.
 */
export function nextClick(
  label: Uint8Array,
  mask: Uint8Array,
  image: ImageSize,
  clicked: readonly (readonly [x: number, y: number])[] = [],
): PixelClick | undefined {
  const errors = errorsOf(label, mask, image);
  const largest = errors && largestRegion(errors);
  if (!largest) return undefined;
  const { cells, wide, left, top } = largest;
  const depths = squaredDepths(cells, wide);
  // What is beside the box would be a cell of another row.
  const near = clicked.filter(([x]) => x >= left && x < left + wide);
  const taken = new Set(near.map(([x, y]) => (y - top) * wide + x - left));
  let best: number | undefined;
  for (let at = 0; at < cells.length; at++) {
    if (!cells[at] || taken.has(at)) continue;
    if (best === undefined || (depths[at] as number) > (depths[best] as number)) best = at;
  }
  if (best === undefined) return undefined;
  const point = [left + (best % wide), top + Math.floor(best / wide)] as const;
  return { point, label: largest.label, area: largest.area, depth2: depths[best] as number };
}

function errorsOf(label: Uint8Array, mask: Uint8Array, image: ImageSize): Errors | undefined {
  const { width, height } = image;
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if ((label[at] === 0) === (mask[at] === 0)) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  if (bottom < 0) return undefined;
  const wide = right - left + 3;
  const cells = new Uint8Array(wide * (bottom - top + 3));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const at = y * width + x;
      const is = label[at] !== 0;
      const kind = is === (mask[at] !== 0) ? RIGHT : is ? MISSED : MISTAKEN;
      cells[(y - top + 1) * wide + x - left + 1] = kind;
    }
  }
  return { cells, wide, left: left - 1, top: top - 1 };
}

/** A region of errors by itself, in a box as that of `Errors`: its cells are 1, all others 0. */
interface Region extends Errors {
  readonly label: 0 | 1;
  readonly area: number;
}

/** Of the regions of one kind of pixels that touch at edges or corners. */
function largestRegion({ cells, wide, left, top }: Errors): Region {
  const rest = cells.slice();
  const region = new Int32Array(cells.length);
  let largest = { first: 0, area: 0, kind: RIGHT };
  for (let first = 0; first < rest.length; first++) {
    const kind = rest[first] as number;
    if (kind === RIGHT || kind === SEEN) continue;
    const area = flood(rest, wide, first, region);
    const isFirst = area === largest.area && kind === MISSED && largest.kind === MISTAKEN;
    if (area > largest.area || isFirst) largest = { first, area, kind };
  }
  const { first, area, kind } = largest;
  flood(cells.slice(), wide, first, region);
  let [west, north, east, south] = [wide, cells.length, 0, 0];
  for (const at of region.subarray(0, area)) {
    const x = at % wide;
    const y = (at - x) / wide;
    if (x < west) west = x;
    if (x > east) east = x;
    if (y < north) north = y;
    if (y > south) south = y;
  }
  const own = new Uint8Array((east - west + 3) * (south - north + 3));
  for (const at of region.subarray(0, area)) {
    own[(Math.floor(at / wide) - north + 1) * (east - west + 3) + (at % wide) - west + 1] = 1;
  }
  const place = { left: left + west - 1, top: top + north - 1 };
  return { cells: own, wide: east - west + 3, ...place, area, label: kind === MISSED ? 1 : 0 };
}

/** Marks a region as seen. @param region takes its cells. @returns how many they are */
function flood(cells: Uint8Array, wide: number, first: number, region: Int32Array): number {
  const kind = cells[first];
  region[0] = first;
  cells[first] = SEEN;
  let area = 1;
  for (let next = 0; next < area; next++) {
    const at = region[next] as number;
    for (let row = at - wide; row <= at + wide; row += wide) {
      for (let beside = row - 1; beside <= row + 1; beside++) {
        if (cells[beside] !== kind) continue;
        cells[beside] = SEEN;
        region[area++] = beside;
      }
    }
  }
  return area;
}

/**
 * The squared distance of each cell that is 1 to the nearest that is 0: the distance along its column, and of a row's
 * distances the lower envelope of their parabolas (Felzenszwalb and Huttenlocher, 2012). Exact: all of it is whole numbers.
 * What is beyond the border would be no nearer than the border.
 * @param cells of which the outermost are 0.
 */
function squaredDepths(cells: Uint8Array, wide: number): Float64Array {
  const squares = new Float64Array(cells.length);
  // Distances from above, and then the lesser of those and the ones from below.
  for (let at = wide; at < cells.length; at++) {
    if (cells[at]) squares[at] = (squares[at - wide] as number) + 1;
  }
  for (let at = cells.length - wide - 1; at >= 0; at--) {
    const below = (squares[at + wide] as number) + 1;
    if ((squares[at] as number) > below) squares[at] = below;
  }
  for (let at = 0; at < cells.length; at++) squares[at] = (squares[at] as number) ** 2;
  const hull = new Int32Array(wide);
  const border = new Float64Array(wide + 1);
  for (let start = 0; start < cells.length; start += wide) {
    const row = squares.subarray(start, start + wide);
    envelope(row.slice(), row, hull, border);
  }
  return squares;
}

/**
 * For each place of a row the least of (distance to another)² plus that other's value.
 * @param hull and `border` take what is worked out: places whose parabolas are lowest, and from where on each is.
 */
function envelope(
  values: Float64Array,
  least: Float64Array,
  hull: Int32Array,
  border: Float64Array,
): void {
  let last = 0;
  hull[0] = 0;
  border[0] = Number.NEGATIVE_INFINITY;
  border[1] = Number.POSITIVE_INFINITY;
  for (let q = 1; q < values.length; q++) {
    let from = meet(values, hull[last] as number, q);
    while (from <= (border[last] as number)) {
      last--;
      from = meet(values, hull[last] as number, q);
    }
    last++;
    hull[last] = q;
    border[last] = from;
    border[last + 1] = Number.POSITIVE_INFINITY;
  }
  for (let q = 0, at = 0; q < values.length; q++) {
    while ((border[at + 1] as number) < q) at++;
    const p = hull[at] as number;
    least[q] = (q - p) ** 2 + (values[p] as number);
  }
}

/** Where the parabolas of two places meet. */
function meet(values: Float64Array, p: number, q: number): number {
  return ((values[q] as number) + q * q - (values[p] as number) - p * p) / (2 * (q - p));
}
