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
  const frame = preprocessShape(image, imageSize);
  const columns = interpolation(imageSize, frame.width, width);
  const rows = interpolation(imageSize, frame.height, height);
  const cut: Cut = { offset: stabilityOffset, turns: [], firm: 0, loose: 0 };
  const strip = new Float64Array(SIDE * TAPS);
  const spans: Spans = { count: 0, kinds: new Uint8Array(SIDE), ends: new Int32Array(SIDE) };
  const column = new Float64Array(SIDE);
  for (const [cell, first] of columns.first.entries()) {
    copyStrip(logits, first, strip);
    classify(strip, rows.first, stabilityOffset, spans);
    const end = columns.starts[cell + 1] as number;
    for (let x = columns.starts[cell] as number; x < end; x++) {
      blend(strip, columns.weights, x, rows.first, spans, column);
      cutColumn(column, rows, spans, x * height, cut);
    }
  }
  const counts = runsBetween(cut.turns, width * height);
  const stabilityScore = cut.loose > 0 ? cut.firm / cut.loose : 0;
  return { counts, ...extentOf(counts, height), stabilityScore };
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

/** What all pixels of a cell are. */
const OUTSIDE = 0;
const INSIDE = 1;
const MIXED = 2;

/** The logits' column `first` and the two after it, side by side: [256,3]. */
function copyStrip(logits: Float32Array, first: number, strip: Float64Array): void {
  for (let row = 0, i = 0; row < SIDE; row++) {
    for (let t = 0; t < TAPS; t++) strip[i++] = logits[row * SIDE + first + t] as number;
  }
}

function classify(strip: Float64Array, first: Int32Array, offset: number, spans: Spans): void {
  const { kinds, ends } = spans;
  let count = 0;
  for (let cell = 0; cell < first.length; cell++) {
    const start = (first[cell] as number) * TAPS;
    let least = strip[start] as number;
    let most = least;
    for (let i = start + 1; i < start + TAPS * TAPS; i++) {
      const logit = strip[i] as number;
      if (logit < least) least = logit;
      if (logit > most) most = logit;
    }
    const decided = least > MASK_THRESHOLD + offset || most < MASK_THRESHOLD - offset;
    const kind = decided ? (least > MASK_THRESHOLD ? INSIDE : OUTSIDE) : MIXED;
    if (count === 0 || kinds[count - 1] !== kind) kinds[count++] = kind;
    ends[count - 1] = cell + 1;
  }
  spans.count = count;
}

/** Column `x` of pixels over the rows of logits, where it has to be known. */
function blend(
  strip: Float64Array,
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
    for (let row = first[start] as number, i = row * TAPS; row < last; row++, i += TAPS) {
      column[row] =
        w0 * (strip[i] as number) + w1 * (strip[i + 1] as number) + w2 * (strip[i + 2] as number);
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
