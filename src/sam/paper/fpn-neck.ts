import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { conv } from '../layers.js';

/** Levels of the pyramid, the finest first: [B,256,side,side]. */
export type Levels = readonly [Value, Value, Value, Value];

/**
 * SAM 2's neck as it was published: a 1x1 convolution for each stage, and for the level of 64x64 the one above it,
 * enlarged by repetition.
 * @param stages [B,C,256,256], [B,2C,128,128], [B,4C,64,64], [B,8C,32,32].
 */
export function paperNeck(g: Graph, stages: Levels): Levels {
  const [finest, fine, middle, coarse] = stages.map((stage, i) =>
    // The first convolution is the last stage's.
    conv(g.scope(`convs.${stages.length - 1 - i}.conv`), stage),
  ) as [Value, Value, Value, Value];
  return [finest, fine, g.add(middle, doubled(g, coarse)), coarse];
}

/** Each place of the coarsest level becomes two by two. */
function doubled(g: Graph, x: Value): Value {
  const { dim, gridSize } = DECODER;
  const half = gridSize / 2;
  const apart = g.reshape(x, [-1, dim, half, 1, half, 1]);
  const repeated = g.expand(apart, g.ints([1, 1, 1, 2, 1, 2]));
  return g.reshape(repeated, [-1, dim, gridSize, gridSize]);
}
