import { type ImageSize, preprocessShape } from '../core/image.js';
import { type Extent, extentOf } from './extent.js';
import { type Interpolation, interpolation, SIDE, TAPS } from './interpolation.js';

/** A pixel belongs to the mask where its logit is above. */
const MASK_THRESHOLD = 0;

/** A mask at its image's size, and what was measured while it was made. */
export interface BinaryMask extends Extent {
  /** Run lengths in column-major order, background first. */
  readonly counts: readonly number[];
  /** Pixels above threshold + offset over pixels above threshold - offset; 0 where there are none. */
  readonly stabilityScore: number;
}

/**
 * segment-anything's `postprocess_masks` and `calculate_stability_score`: 256x256 logits -> bilinear to
 * the model's square -> padding cropped -> bilinear to the image -> threshold. No image of floats is ever
 * held. A pixel is a mean of three by three neighbouring logits, so wherever nine lie on one side of all
 * thresholds, the whole block of pixels between them does: only blocks along an edge are interpolated.
 * @param logits [256,256], row by row.
 * @param image size of the oriented image.
 * @param imageSize side of the model's square, in pixels.
 * @param stabilityOffset how far the threshold is moved both ways to see how firm the edge is.
 */
export function postprocessMask(
  logits: Float32Array,
  image: ImageSize,
  imageSize: number,
  stabilityOffset = 1,
): BinaryMask {
  const { width, height } = image;
  const { columns, rows } = mapsOf(image, imageSize);
  const cut: Cut = { offset: stabilityOffset, turns: [], firm: 0, loose: 0 };
  const sides = sidesOf(logits, stabilityOffset);
  const across = new Uint8Array(SIDE);
  const spans: Spans = { count: 0, kinds: new Uint8Array(SIDE), ends: new Int32Array(SIDE) };
  const column = new Float64Array(SIDE);
  for (const [cell, first] of columns.first.entries()) {
    joinAcross(sides, first, across);
    classify(across, rows.first, spans);
    const end = columns.starts[cell + 1] as number;
    for (let x = columns.starts[cell] as number; x < end; x++) {
      blend(logits, first, columns.weights, x, rows.first, spans, column);
      cutColumn(column, rows, spans, x * height, cut);
    }
  }
  const counts = runsBetween(cut.turns, width * height);
  const stabilityScore = cut.loose > 0 ? cut.firm / cut.loose : 0;
  return { counts, ...extentOf(counts, height), stabilityScore };
}

interface Maps {
  readonly columns: Interpolation;
  readonly rows: Interpolation;
}

/** The maps that were made last: masks of one image come one after the other. */
let latest: ({ readonly of: string } & Maps) | undefined;

function mapsOf(image: ImageSize, imageSize: number): Maps {
  const { width, height } = image;
  const of = `${width}x${height} ${imageSize}`;
  if (latest?.of !== of) {
    const frame = preprocessShape(image, imageSize);
    const columns = interpolation(imageSize, frame.width, width);
    const rows = interpolation(imageSize, frame.height, height);
    latest = { of, columns, rows };
  }
  return latest;
}

/** What the columns cut so far have come to. */
interface Cut {
  readonly offset: number;
  /** Pixels, counted down the columns, from which on it is inside, then outside, then inside... */
  readonly turns: number[];
  /** Pixels above threshold + offset. */
  firm: number;
  /** Pixels above threshold - offset. */
  loose: number;
}

/** The cells of the columns between three columns of logits, neighbours of one kind taken together. */
interface Spans {
  count: number;
  readonly kinds: Uint8Array;
  /** The cell after each span's last. */
  readonly ends: Int32Array;
}

/** What all pixels of a cell are, and which side of all thresholds a logit is on: neighbours agree in what `&` leaves. */
const MIXED = 0;
const INSIDE = 1;
const OUTSIDE = 2;

/** The side of each logit, column by column: [256,256] transposed. */
function sidesOf(logits: Float32Array, offset: number): Uint8Array {
  const high = MASK_THRESHOLD + offset;
  const low = MASK_THRESHOLD - offset;
  const sides = new Uint8Array(SIDE * SIDE);
  for (let row = 0, i = 0; row < SIDE; row++) {
    for (let at = row; at < SIDE * SIDE; at += SIDE) {
      const logit = logits[i++] as number;
      if (logit > high) sides[at] = INSIDE;
      else if (logit < low) sides[at] = OUTSIDE;
    }
  }
  return sides;
}

/** For each row, the side of the logits in column `first` and the two after it. */
function joinAcross(sides: Uint8Array, first: number, across: Uint8Array): void {
  for (let row = 0, i = first * SIDE; row < SIDE; row++, i++) {
    across[row] =
      (sides[i] as number) & (sides[i + SIDE] as number) & (sides[i + 2 * SIDE] as number);
  }
}

function classify(across: Uint8Array, first: Int32Array, spans: Spans): void {
  const { kinds, ends } = spans;
  let count = 0;
  for (let cell = 0; cell < first.length; cell++) {
    const row = first[cell] as number;
    const kind =
      (across[row] as number) & (across[row + 1] as number) & (across[row + 2] as number);
    if (count === 0 || kinds[count - 1] !== kind) kinds[count++] = kind;
    ends[count - 1] = cell + 1;
  }
  spans.count = count;
}

/** Column `x` of pixels over the rows of logits, where it has to be known. */
function blend(
  logits: Float32Array,
  firstColumn: number,
  weights: Float64Array,
  x: number,
  first: Int32Array,
  { count, kinds, ends }: Spans,
  column: Float64Array,
): void {
  const w0 = weights[x * TAPS] as number;
  const w1 = weights[x * TAPS + 1] as number;
  const w2 = weights[x * TAPS + 2] as number;
  for (let span = 0; span < count; span++) {
    if (kinds[span] !== MIXED) continue;
    const start = span > 0 ? (ends[span - 1] as number) : 0;
    const last = (first[(ends[span] as number) - 1] as number) + TAPS;
    let row = first[start] as number;
    for (let i = row * SIDE + firstColumn; row < last; row++, i += SIDE) {
      column[row] =
        w0 * (logits[i] as number) +
        w1 * (logits[i + 1] as number) +
        w2 * (logits[i + 2] as number);
    }
  }
}

/** Stretches a column over the image's rows and cuts it at the thresholds; `at` is its first pixel's number. */
function cutColumn(
  column: Float64Array,
  { starts, first, weights }: Interpolation,
  { count, kinds, ends }: Spans,
  at: number,
  cut: Cut,
): void {
  const { turns, offset } = cut;
  const low = MASK_THRESHOLD - offset;
  const high = MASK_THRESHOLD + offset;
  let inside = turns.length % 2 === 1;
  let firm = 0;
  let loose = 0;
  let y = 0;
  for (let span = 0, cell = 0; span < count; span++) {
    const lastCell = ends[span] as number;
    if (kinds[span] !== MIXED) {
      if ((kinds[span] === INSIDE) !== inside) {
        turns.push(at + y);
        inside = !inside;
      }
      const end = starts[lastCell] as number;
      if (inside) {
        firm += end - y;
        loose += end - y;
      }
      y = end;
      cell = lastCell;
      continue;
    }
    for (; cell < lastCell; cell++) {
      const row = first[cell] as number;
      const v0 = column[row] as number;
      const v1 = column[row + 1] as number;
      const v2 = column[row + 2] as number;
      const end = starts[cell + 1] as number;
      for (let w = y * TAPS; y < end; y++, w += TAPS) {
        const logit =
          (weights[w] as number) * v0 +
          (weights[w + 1] as number) * v1 +
          (weights[w + 2] as number) * v2;
        if (logit > low) loose++;
        if (logit > high) firm++;
        if (logit > MASK_THRESHOLD !== inside) {
          turns.push(at + y);
          inside = !inside;
        }
      }
    }
  }
  cut.firm += firm;
  cut.loose += loose;
}

/** Run lengths, background first, of `pixels` between which the mask turns. */
function runsBetween(turns: readonly number[], pixels: number): number[] {
  const counts: number[] = [];
  let start = 0;
  for (const turn of turns) {
    counts.push(turn - start);
    start = turn;
  }
  counts.push(pixels - start);
  return counts;
}
