import type { FloatTensor } from '../onnx/float-tensor.js';
import type { Graph } from '../onnx/graph.js';
import type { Value } from '../onnx/graph-scope.js';
import { mlpHead } from './mlp-head.js';

/**
 * Operators of the box head that compute in 32 bits wherever the rest does in 16: those are too few for a place in a
 * large picture.
 */
export const EXACT_BOXES = ['box_head.Reshape', 'box_head.Add', 'box_head.Sigmoid'] as const;

/** What each patch [B*P,C] proposes: cx cy w h as shares of the picture's square, [B,P,4]. */
export function boxHead(g: Graph, x: Value, grid: number): Value {
  const offsets = g.reshape(mlpHead(g, x), [-1, grid * grid, 4]);
  return g.sigmoid(g.add(offsets, g.tensor('box_bias', boxBias(grid))));
}

/**
 * `compute_box_bias`: what boxes are without a patch's own opinion, before the sigmoid. Each is as large as its patch
 * and centred at the patch's lower right corner. [grid*grid,4]
 */
export function boxBias(grid: number): FloatTensor {
  const data = new Float32Array(grid * grid * 4);
  const size = logit(1 / grid);
  for (let row = 0, at = 0; row < grid; row++) {
    for (let column = 0; column < grid; column++) {
      data[at++] = logit((column + 1) / grid);
      data[at++] = logit((row + 1) / grid);
      data[at++] = size;
      data[at++] = size;
    }
  }
  return { shape: [grid * grid, 4], data };
}

/** The inverse of the sigmoid, kept finite at 0 and 1. */
function logit(share: number): number {
  const least = 1e-4;
  return Math.log(share + least) - Math.log1p(-share + least);
}
