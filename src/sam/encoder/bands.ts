import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';

/** Rows `from` to `to`, exclusive, of a tensor [B,C,H,W] with `of` rows. */
interface Rows {
  readonly from: number;
  readonly to: number;
  readonly of: number;
}

/**
 * A tensor [B,C,H,W] that is made in bands of rows, one after the other: what each goes through is no longer in memory
 * when the next is made.
 * @param side its H. @param make the rows it is asked for.
 */
export function inBands(g: Graph, side: number, bands: number, make: (rows: Rows) => Value): Value {
  const start = (band: number) => Math.round((band * side) / bands);
  const made = Array.from({ length: bands }, (_, band) =>
    make({ from: start(band), to: start(band + 1), of: side }),
  );
  return made.length === 1 ? (made[0] as Value) : g.concat(made, 2);
}

/** Some rows of x [B,C,H,W]. */
export function rowsOf(g: Graph, x: Value, { from, to, of }: Rows): Value {
  return from === 0 && to === of ? x : g.slice(x, 2, from, to);
}

/** What a 3x3 convolution padded by 1 needs for some rows of its result: rows of its input, and those of zeros around. */
export function reach(
  { from, to, of }: Rows,
  stride: number,
): { rows: Rows; rowPadding: [before: number, after: number] } {
  const [first, end, height] = [stride * from - 1, stride * (to - 1) + 2, stride * of];
  return {
    rows: { from: Math.max(0, first), to: Math.min(height, end), of: height },
    rowPadding: [Number(first < 0), Number(end > height)],
  };
}
