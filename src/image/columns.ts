import type { RgbImage } from '../core/image.js';

/** Rows and columns that are turned together: what both sides touch stays near the processor. */
const TILE = 64;

/** The pixels of an image column by column, as masks have theirs. */
export function toColumns({ width, height, data }: RgbImage): Uint8Array {
  const columns = new Uint8Array(data.length);
  turn(data, columns, width, height);
  return columns;
}

/** Writes pixels that are column by column into an image. */
export function fromColumns(columns: Uint8Array, { width, height, data }: RgbImage): void {
  turn(columns, data, height, width);
}

/** @param width of the lines of `from`, of which there are `height`. */
function turn(from: Uint8Array, to: Uint8Array, width: number, height: number): void {
  for (let top = 0; top < height; top += TILE) {
    const bottom = Math.min(height, top + TILE);
    for (let left = 0; left < width; left += TILE) {
      const right = Math.min(width, left + TILE);
      for (let x = left; x < right; x++) {
        let source = (top * width + x) * 3;
        let target = (x * height + top) * 3;
        for (let y = top; y < bottom; y++, source += width * 3) {
          to[target++] = from[source] as number;
          to[target++] = from[source + 1] as number;
          to[target++] = from[source + 2] as number;
        }
      }
    }
  }
}
