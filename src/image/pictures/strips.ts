import type { PackedRunLengths } from '../../core/masks/run-lengths.js';

/** The inside of a mask in an image whose columns follow each other: stretches [start, end) that end with their column. */
export interface Strips {
  readonly count: number;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** @param height of the image. */
export function stripsOf(runs: PackedRunLengths, height: number): Strips {
  let most = 0;
  walk(runs, height, () => most++);
  const strips = { count: most, starts: new Uint32Array(most), ends: new Uint32Array(most) };
  let at = 0;
  walk(runs, height, (start, end) => {
    strips.starts[at] = start;
    strips.ends[at++] = end;
  });
  return strips;
}

function walk(
  runs: PackedRunLengths,
  height: number,
  each: (start: number, end: number) => void,
): void {
  let at = 0;
  for (let i = 0; i < runs.length; i++) {
    const end = at + (runs[i] as number);
    if (i % 2 === 0) at = end;
    while (at < end) {
      const stop = Math.min(end, at - (at % height) + height);
      each(at, stop);
      at = stop;
    }
  }
}

/** Where a mask, moved along the columns or across them, covers pixels that are asked for in ascending order. */
export class Cover {
  /** Up to where the last answer holds. */
  until = 0;
  readonly #strips: Strips;
  readonly #shift: number;
  #next = 0;

  /** @param shift in pixels of the image whose columns follow each other: a column is its height. */
  constructor(strips: Strips, shift: number) {
    this.#strips = strips;
    this.#shift = shift;
  }

  /** Whether the pixel at a place is covered; `until` then tells for which after it that holds. */
  at(place: number): boolean {
    const { count, starts, ends } = this.#strips;
    const shift = this.#shift;
    while (this.#next < count && (ends[this.#next] as number) + shift <= place) this.#next++;
    if (this.#next === count) {
      this.until = Number.POSITIVE_INFINITY;
      return false;
    }
    const start = (starts[this.#next] as number) + shift;
    const covered = start <= place;
    this.until = covered ? (ends[this.#next] as number) + shift : start;
    return covered;
  }
}
