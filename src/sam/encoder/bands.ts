import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER, TINY_VIT } from '../architecture.js';

/** Rows of pixels that become one. */
const STRIDE = 4;
/** Rows of the result that zeros beyond an edge reach: one for each 3x3 convolution but those that halve, which look up only. */
const REACH = { up: TINY_VIT.convLayer.depth + 1, down: TINY_VIT.convLayer.depth };

/**
 * The first layers, computed in bands of rows, one after the other: what a band goes through is no longer in memory when the next
 * is computed. Each is computed with as many rows around it as its own depend on.
 * @param image [B,3,1024,1024] @param layers [B,3,H,W] -> [B,C,H/4,W/4]
 * @returns [B,C,256,256]
 */
export function inBands(
  g: Graph,
  image: Value,
  bands: number,
  layers: (rows: Value) => Value,
): Value {
  if (bands === 1) return layers(image);
  const side = DECODER.imageSize / STRIDE;
  const start = (band: number) => Math.round((band * side) / bands);
  const made = Array.from({ length: bands }, (_, band) => {
    const [from, to] = [start(band), start(band + 1)];
    const [first, end] = [Math.max(0, from - REACH.up), Math.min(side, to + REACH.down)];
    const rows = layers(g.slice(image, 2, STRIDE * first, STRIDE * end));
    return g.slice(rows, 2, from - first, to - first);
  });
  return g.concat(made, 2);
}
