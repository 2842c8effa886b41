import { type Frame, sizeInFrame } from '../core/frame.js';
import type { ImageSize } from '../core/image.js';
import { LOW_RES_SIDE } from '../core/masks/low-res-mask.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import {
  ABOVE,
  BandMap,
  BELOW,
  bandOf,
  INSIDE,
  MASK_THRESHOLD,
  MIXED,
  type Spans,
} from './bands.js';
import { type Extent, extentOf } from './extent.js';
import { type Interpolation, interpolation, TAPS } from './interpolation.js';

/** A mask at its image's size, and what was measured while it was made. */
export interface BinaryMask extends Extent {
  readonly counts: RunLengths;
  /** Pixels above threshold + offset over pixels above threshold - offset; 0 where there are none. */
  readonly stabilityScore: number;
}

/** What every mask is worked out with: memory that is new costs more than what is done in it. */
const bandMap = new BandMap();
const column = { logits: new Float64Array(LOW_RES_SIDE), bands: new Uint8Array(LOW_RES_SIDE) };

/**
 * segment-anything's `postprocess_masks` and `calculate_stability_score`: `cutMask` of the same
 * arguments, as run lengths and with what the mask measures.
 */
export function postprocessMask(
  logits: Float32Array,
  image: ImageSize,
  frame: Frame,
  stabilityOffset = 1,
): BinaryMask {
  const { turns, stabilityScore } = cutMask(logits, image, frame, stabilityOffset);
  const counts = runsBetween(turns, image.width * image.height);
  return { counts, ...extentOf(counts, image.height), stabilityScore };
}

/** Where a mask begins and ends, and how firm that is. */
export interface CutMask extends Pick<BinaryMask, 'stabilityScore'> {
  /** Pixels, counted down the columns, from which on it is inside, then outside, then inside... */
  readonly turns: readonly number[];
}

/**
 * 256x256 logits -> bilinear to the model's square -> padding cropped -> bilinear to the image -> threshold, or where the
 * square has no padding bilinear to the image at once. No image of floats is ever held. A pixel is a mean of three by three neighbouring logits, so wherever nine lie between the
 * same thresholds, the whole block of pixels between them does: only blocks along an edge are interpolated.
 * @param logits [256,256], row by row.
 * @param image size of the oriented image.
 * @param frame the square that the model sees.
 * @param stabilityOffset how far the threshold is moved both ways to see how firm the edge is.
 */
export function cutMask(
  logits: Float32Array,
  image: ImageSize,
  frame: Frame,
  stabilityOffset: number,
): CutMask {
  const { columns, rows } = mapsOf(image, frame);
  const low = MASK_THRESHOLD - stabilityOffset;
  const high = MASK_THRESHOLD + stabilityOffset;
  const cut: Cut = { low, high, turns: [], firm: 0, loose: 0 };
  bandMap.read(logits, low, high);
  for (const [cell, first] of columns.first.entries()) {
    const spans = bandMap.spans(first, rows.first);
    const end = columns.starts[cell + 1] as number;
    for (let x = columns.starts[cell] as number; x < end; x++) {
      blend(logits, first, columns.weights, x, rows.first, spans, cut);
      cutColumn(rows, spans, x * image.height, cut);
    }
  }
  const { turns, firm, loose } = cut;
  return { turns, stabilityScore: loose > 0 ? firm / loose : 0 };
}

interface Maps {
  readonly columns: Interpolation;
  readonly rows: Interpolation;
}

/** The maps that were made last: masks of one image come one after the other. */
let latest: ({ readonly of: string } & Maps) | undefined;

function mapsOf(image: ImageSize, frame: Frame): Maps {
  const { width, height } = image;
  const of = `${width}x${height} ${frame.side} ${frame.resize}`;
  if (latest?.of !== of) {
    // Where nothing is padded there is nothing to crop: one step leads from the logits to the image, as SAM 2 has it.
    const square = frame.resize === 'stretch' ? LOW_RES_SIDE : frame.side;
    const inside = sizeInFrame(image, { ...frame, side: square });
    const columns = interpolation(square, inside.width, width);
    const rows = interpolation(square, inside.height, height);
    latest = { of, columns, rows };
  }
  return latest;
}

/** What the columns cut so far have come to. */
interface Cut {
  /** The thresholds to either side. */
  readonly low: number;
  readonly high: number;
  readonly turns: number[];
  /** Pixels above `high`. */
  firm: number;
  /** Pixels above `low`. */
  loose: number;
}

/** Column `x` of pixels over the rows of logits, where it has to be known. */
function blend(
  logits: Float32Array,
  firstColumn: number,
  weights: Float64Array,
  x: number,
  first: Int32Array,
  { count, bands, ends }: Spans,
  { low, high }: Cut,
): void {
  const w0 = weights[x * TAPS] as number;
  const w1 = weights[x * TAPS + 1] as number;
  const w2 = weights[x * TAPS + 2] as number;
  for (let span = 0; span < count; span++) {
    if (bands[span] !== MIXED) continue;
    const start = span > 0 ? (ends[span - 1] as number) : 0;
    const last = (first[(ends[span] as number) - 1] as number) + TAPS;
    let row = first[start] as number;
    for (let i = row * LOW_RES_SIDE + firstColumn; row < last; row++, i += LOW_RES_SIDE) {
      const logit =
        w0 * (logits[i] as number) +
        w1 * (logits[i + 1] as number) +
        w2 * (logits[i + 2] as number);
      column.logits[row] = logit;
      column.bands[row] = bandOf(logit, low, high);
    }
  }
}

/** Stretches the column over the image's rows and cuts it at the thresholds; `at` is its first pixel's number. */
function cutColumn(
  { starts, first, weights }: Interpolation,
  spans: Spans,
  at: number,
  cut: Cut,
): void {
  const { turns, low, high } = cut;
  let inside = turns.length % 2 === 1;
  let firm = 0;
  let loose = 0;
  let y = 0;
  for (let span = 0, cell = 0; span < spans.count; span++) {
    const known = spans.bands[span] as number;
    const lastCell = spans.ends[span] as number;
    while (cell < lastCell) {
      const row = first[cell] as number;
      const band = known === MIXED ? bandOfCell(row) : known;
      cell = known === MIXED ? cell + 1 : lastCell;
      const end = starts[cell] as number;
      if (band !== MIXED) {
        if (band >= INSIDE !== inside) {
          turns.push(at + y);
          inside = !inside;
        }
        if (band > BELOW) loose += end - y;
        if (band === ABOVE) firm += end - y;
        y = end;
        continue;
      }
      const v0 = column.logits[row] as number;
      const v1 = column.logits[row + 1] as number;
      const v2 = column.logits[row + 2] as number;
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

/** The band of the column's three logits from `row` on. */
function bandOfCell(row: number): number {
  const { bands } = column;
  return (bands[row] as number) & (bands[row + 1] as number) & (bands[row + 2] as number);
}

/** Run lengths, background first, of `pixels` between which the mask turns. */
export function runsBetween(turns: readonly number[], pixels: number): number[] {
  const counts = new Array<number>(turns.length + 1);
  let start = 0;
  for (let i = 0; i < turns.length; i++) {
    const turn = turns[i] as number;
    counts[i] = turn - start;
    start = turn;
  }
  counts[turns.length] = pixels - start;
  return counts;
}
