import type { Graph } from '../../../onnx/graph.js';
import type { Value } from '../../../onnx/graph-scope.js';
import { HIERA_COMMON } from '../../architecture.js';
import { channelsLast } from '../../layers.js';

/**
 * The positions of the first stage's tokens, [1,256,256,C]: a coarse learned picture of the whole image, enlarged, and a
 * learned window that is repeated all over it (Bolya et al., 2023). They depend on nothing but weights: the runtime works
 * them out when it loads the graph.
 */
export function absolutePositions(g: Graph): Value {
  const { gridSize, windowPositions } = HIERA_COMMON;
  const background = g.interpolateCubic(g.parameter('pos_embed'), gridSize); // [1,C,256,256]
  const times = gridSize / windowPositions;
  const windows = g.tile(g.parameter('pos_embed_window'), [1, 1, times, times]);
  return channelsLast(g, g.add(background, windows));
}
