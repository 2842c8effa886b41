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

interface Region {
  readonly pixels: readonly number[];
  readonly label: 0 | 1;
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
  let largest: Region | undefined;
  for (const kind of [1, 0] as const) {
    const isWrong = label.map((is, i) =>
      Boolean(is) !== Boolean(mask[i]) && Boolean(is) === (kind === 1) ? 1 : 0,
    );
    for (const pixels of regions(isWrong, image)) {
      if (pixels.length > (largest?.pixels.length ?? 0)) largest = { pixels, label: kind };
    }
  }
  if (!largest) return undefined;
  const depths = squaredDepths(largest.pixels, image);
  const taken = new Set(clicked.map(([x, y]) => y * image.width + x));
  let best: number | undefined;
  for (const at of largest.pixels.toSorted((a, b) => a - b)) {
    if (taken.has(at)) continue;
    if (best === undefined || (depths[at] as number) > (depths[best] as number)) best = at;
  }
  if (best === undefined) return undefined;
  const point = [best % image.width, Math.floor(best / image.width)] as const;
  return {
    point,
    label: largest.label,
    area: largest.pixels.length,
    depth2: depths[best] as number,
  };
}

/** The regions of pixels that touch at edges or corners, in the order of their first pixels. */
function* regions(cells: Uint8Array, { width, height }: ImageSize): Generator<number[]> {
  const left = cells.slice();
  for (let first = 0; first < left.length; first++) {
    if (!left[first]) continue;
    const region = [first];
    left[first] = 0;
    for (const at of region) {
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          if (!left[v * width + u]) continue;
          left[v * width + u] = 0;
          region.push(v * width + u);
        }
      }
    }
    yield region;
  }
}

/**
 * The squared distance of each of these pixels to the nearest that is none of them, by lower envelopes of parabolas
 * along columns and then rows (Felzenszwalb and Huttenlocher, 2012). Exact: all of it is whole numbers.
 */
function squaredDepths(pixels: readonly number[], { width, height }: ImageSize): Float64Array {
  // One pixel of outside around the image.
  const [wide, high] = [width + 2, height + 2];
  const far = (wide + high) ** 2;
  const squares = new Float64Array(wide * high);
  for (const at of pixels) squares[(Math.floor(at / width) + 1) * wide + (at % width) + 1] = far;
  for (let x = 0; x < wide; x++) transform(squares, x, wide, high);
  for (let y = 0; y < high; y++) transform(squares, y * wide, 1, wide);
  return Float64Array.from(
    { length: width * height },
    (_, at) => squares[(Math.floor(at / width) + 1) * wide + (at % width) + 1] as number,
  );
}

/** Replaces each element of a line by the least of (distance to another)² plus that other's element. */
function transform(squares: Float64Array, start: number, step: number, length: number): void {
  const value = Float64Array.from({ length }, (_, i) => squares[start + i * step] as number);
  const hull = new Int32Array(length);
  const border = new Float64Array(length + 1);
  let last = 0;
  border[0] = Number.NEGATIVE_INFINITY;
  border[1] = Number.POSITIVE_INFINITY;
  const meet = (p: number, q: number) =>
    ((value[q] as number) + q * q - (value[p] as number) - p * p) / (2 * (q - p));
  for (let q = 1; q < length; q++) {
    let from = meet(hull[last] as number, q);
    while (from <= (border[last] as number)) {
      last--;
      from = meet(hull[last] as number, q);
    }
    last++;
    hull[last] = q;
    border[last] = from;
    border[last + 1] = Number.POSITIVE_INFINITY;
  }
  let at = 0;
  for (let q = 0; q < length; q++) {
    while ((border[at + 1] as number) < q) at++;
    const p = hull[at] as number;
    squares[start + q * step] = (q - p) ** 2 + (value[p] as number);
  }
}
