import type { Graph } from '../../../onnx/graph.js';
import type { Value } from '../../../onnx/graph-scope.js';

/** A grid of tokens and the windows that it is cut into. */
export interface WindowGrid {
  /** Side of the grid, and of a window, in tokens. */
  readonly side: number;
  readonly window: number;
  /** Channels of a token. */
  readonly dim: number;
}

/**
 * Cuts a grid, padded with zeros at its right and bottom, into n x n windows: [B,side,side,C] -> [B*n*n,w,w,C]. One window
 * as large as the grid is the grid.
 */
export function windowPartition(g: Graph, x: Value, { side, window, dim }: WindowGrid): Value {
  if (window === side) return x;
  const windows = Math.ceil(side / window);
  const padding = windows * window - side;
  const padded = padding > 0 ? g.pad(x, [0, padding, padding, 0]) : x;
  const cut = g.reshape(padded, [-1, windows, window, windows, window, dim]);
  const together = g.transpose(cut, [0, 1, 3, 2, 4, 5]); // [B,n,n,w,w,C]
  return g.reshape(together, [-1, window, window, dim]);
}

/** Puts windows together and drops the padding: [B*n*n,w,w,C] -> [B,side,side,C]. */
export function windowUnpartition(g: Graph, x: Value, { side, window, dim }: WindowGrid): Value {
  if (window === side) return x;
  const windows = Math.ceil(side / window);
  const apart = g.reshape(x, [-1, windows, windows, window, window, dim]);
  const rows = g.transpose(apart, [0, 1, 3, 2, 4, 5]); // [B,n,w,n,w,C]
  const padded = g.reshape(rows, [-1, windows * window, windows * window, dim]);
  if (windows * window === side) return padded;
  return g.slice(g.slice(padded, 1, 0, side), 2, 0, side);
}

/** The largest of each 2 x 2 tokens, channel by channel: [B,side,side,C] -> [B,side/2,side/2,C]. */
export function maxPool(g: Graph, x: Value, side: number, dim: number): Value {
  const half = side / 2;
  const pairs = g.reduceMax(g.reshape(x, [-1, 2, dim]), 1); // of neighbours in a row
  const rows = g.reduceMax(g.reshape(pairs, [-1, 2, half * dim]), 1);
  return g.reshape(rows, [-1, half, half, dim]);
}
