import type { Pixels } from '../../core/image.js';

/** Rows and columns that are turned together: what both sides touch stays near the processor. */
const TILE = 64;

/** The pixels of an image column by column, as masks have theirs. */
export function toColumns({ width, height, channels, data }: Pixels): Uint8Array {
  const columns = new Uint8Array(data.length);
  turn(data, columns, { width, height, channels });
  return columns;
}

/** Writes pixels that are column by column into an image. */
export function fromColumns(columns: Uint8Array, { width, height, channels, data }: Pixels): void {
  turn(columns, data, { width: height, height: width, channels });
}

/** @param lines the width of those of `from`, and how many there are. */
function turn(from: Uint8Array, to: Uint8Array, lines: Omit<Pixels, 'data'>): void {
  const { width, height, channels } = lines;
  for (let top = 0; top < height; top += TILE) {
    const bottom = Math.min(height, top + TILE);
    for (let left = 0; left < width; left += TILE) {
      const right = Math.min(width, left + TILE);
      for (let x = left; x < right; x++) {
        let source = (top * width + x) * channels;
        let target = (x * height + top) * channels;
        for (let y = top; y < bottom; y++, source += width * channels) {
          to[target++] = from[source] as number;
          to[target++] = from[source + 1] as number;
          to[target++] = from[source + 2] as number;
          if (channels === 4) to[target++] = from[source + 3] as number;
        }
      }
    }
  }
}
