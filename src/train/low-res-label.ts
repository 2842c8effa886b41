import { type ImageSize, preprocessShape } from '../core/image.js';
import { LOW_RES_LOGITS, LOW_RES_SIDE } from '../core/masks/low-res-mask.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import { fromImage, toImage } from '../masks/formats/rle.js';
import { DECODER } from '../sam/architecture.js';

/** Pixels of the model's frame along a side of a cell. */
export const CELL = DECODER.imageSize / LOW_RES_SIDE;

/** A label as the model's masks are: 256 x 256 cells, of which those of the image are the first rows and columns. */
export interface LowResLabel {
  readonly rows: number;
  readonly cols: number;
  /** [256,256] 1 in the foreground, else 0. */
  readonly cells: Uint8Array;
}

/** The rows and columns of cells whose centres are in the image: the others are padding. */
export function lowResSize(image: ImageSize): { rows: number; cols: number } {
  const { width, height } = preprocessShape(image, DECODER.imageSize);
  return { rows: Math.ceil((height - 2) / CELL), cols: Math.ceil((width - 2) / CELL) };
}

/** The overlaps of cell `at` with the image's pixels along one axis, in units of 1/`length` of the frame. */
function overlaps(at: number, length: number, frame: number): { first: number; shares: number[] } {
  const [from, to] = [CELL * at * length, Math.min(CELL * (at + 1), frame) * length];
  const first = Math.floor(from / frame);
  const shares: number[] = [];
  for (let pixel = first; pixel * frame < to; pixel++) {
    shares.push(Math.min((pixel + 1) * frame, to) - Math.max(pixel * frame, from));
  }
  return { first, shares };
}

/**
 * A cell is foreground where the label covers at least half of what the image has of it. An average of areas: samples
 * at points would lose thin things. All of it is in whole numbers, so nothing is rounded.
 * @param mask of the image's size, row by row, 0 outside.
 */
export function lowResLabel(mask: Uint8Array, image: ImageSize): LowResLabel {
  const frame = preprocessShape(image, DECODER.imageSize);
  const { rows, cols } = lowResSize(image);
  const columns = Array.from({ length: cols }, (_, x) => overlaps(x, image.width, frame.width));
  const cells = new Uint8Array(LOW_RES_LOGITS);
  for (let y = 0; y < rows; y++) {
    const row = overlaps(y, image.height, frame.height);
    for (const [x, column] of columns.entries()) {
      let balance = 0;
      for (const [dy, high] of row.shares.entries()) {
        const start = (row.first + dy) * image.width + column.first;
        for (const [dx, wide] of column.shares.entries()) {
          balance += mask[start + dx] ? high * wide : -high * wide;
        }
      }
      if (balance >= 0) cells[y * LOW_RES_SIDE + x] = 1;
    }
  }
  return { rows, cols, cells };
}

/** A label with the lengths of its runs in place of its cells. */
export interface PackedLabel extends Pick<LowResLabel, 'rows' | 'cols'> {
  readonly runs: RunLengths;
}

const GRID = { width: LOW_RES_SIDE, height: LOW_RES_SIDE };

/** A label in a hundredth of the memory. */
export function packLabel({ rows, cols, cells }: LowResLabel): PackedLabel {
  return { rows, cols, runs: fromImage(cells, GRID, 0) };
}

/** The label again. */
export function unpackLabel({ rows, cols, runs }: PackedLabel): LowResLabel {
  return { rows, cols, cells: toImage(runs, GRID).map((cell) => (cell ? 1 : 0)) };
}
