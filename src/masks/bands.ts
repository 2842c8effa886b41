import { LOW_RES_SIDE } from '../core/masks/low-res-mask.js';

/** A pixel belongs to the mask where its logit is above. */
export const MASK_THRESHOLD = 0;

/**
 * Where a logit lies among the thresholds of a mask, which are `MASK_THRESHOLD` and one to either side. A bit each, so
 * that `&` leaves the band of neighbours that agree, and of others `MIXED`.
 */
export const MIXED = 0;
export const BELOW = 1;
export const OUTSIDE = 2;
export const INSIDE = 4;
export const ABOVE = 8;

export function bandOf(logit: number, low: number, high: number): number {
  if (logit > MASK_THRESHOLD) return logit > high ? ABOVE : INSIDE;
  return logit > low ? OUTSIDE : BELOW;
}

/** Neighbouring cells of one column, taken together where they are of one band. */
export interface Spans {
  count: number;
  readonly bands: Uint8Array;
  /** The cell after each span's last. */
  readonly ends: Int32Array;
}

/** Four bands travel in a word. */
const WORDS = LOW_RES_SIDE / 4;
const EACH = 0x01010101;

/** The bands of one mask's logits. Masks come one after the other, so they share it. */
export class BandMap {
  /** Column by column: [256,256] transposed. */
  readonly #words = new Int32Array(LOW_RES_SIDE * WORDS);
  /** [256] what three neighbouring columns have in common, row by row. */
  readonly #across = new Uint8Array(LOW_RES_SIDE);
  readonly #acrossWords = new Int32Array(this.#across.buffer);
  readonly #spans: Spans = {
    count: 0,
    bands: new Uint8Array(LOW_RES_SIDE),
    ends: new Int32Array(LOW_RES_SIDE),
  };

  /** @param logits [256,256] */
  read(logits: Float32Array, low: number, high: number): void {
    const words = this.#words;
    for (let word = 0; word < WORDS; word++) {
      for (let x = 0, i = 4 * word * LOW_RES_SIDE; x < LOW_RES_SIDE; x++, i++) {
        words[x * WORDS + word] =
          bandOf(logits[i] as number, low, high) |
          (bandOf(logits[i + LOW_RES_SIDE] as number, low, high) << 8) |
          (bandOf(logits[i + 2 * LOW_RES_SIDE] as number, low, high) << 16) |
          (bandOf(logits[i + 3 * LOW_RES_SIDE] as number, low, high) << 24);
      }
    }
  }

  /**
   * The bands of the cells between column `first` and the two after it.
   * @param rows [cells] the first of the three rows of each cell.
   */
  spans(first: number, rows: Int32Array): Spans {
    const all = this.#joinAcross(first);
    const { bands, ends } = this.#spans;
    if (all !== MIXED) {
      bands[0] = all;
      ends[0] = rows.length;
      this.#spans.count = 1;
      return this.#spans;
    }
    const across = this.#across;
    let count = 0;
    for (let cell = 0; cell < rows.length; cell++) {
      const row = rows[cell] as number;
      const band =
        (across[row] as number) & (across[row + 1] as number) & (across[row + 2] as number);
      if (count === 0 || bands[count - 1] !== band) bands[count++] = band;
      ends[count - 1] = cell + 1;
    }
    this.#spans.count = count;
    return this.#spans;
  }

  /** @returns the band of all logits in the three columns. */
  #joinAcross(first: number): number {
    const words = this.#words;
    let all = (BELOW | OUTSIDE | INSIDE | ABOVE) * EACH;
    for (let word = 0, i = first * WORDS; word < WORDS; word++, i++) {
      const joined =
        (words[i] as number) & (words[i + WORDS] as number) & (words[i + 2 * WORDS] as number);
      this.#acrossWords[word] = joined;
      all &= joined;
    }
    return all & (all >> 8) & (all >> 16) & (all >> 24);
  }
}
