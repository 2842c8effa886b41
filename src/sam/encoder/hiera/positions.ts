import type { Graph } from '../../../onnx/graph.js';
import type { Value } from '../../../onnx/graph-scope.js';
import { HIERA_COMMON, type HieraVariant } from '../../architecture.js';
import { channelsLast } from '../../layers.js';

/**
 * The positions of the first stage's tokens, [1,256,256,C]: a coarse learned picture of the whole image, enlarged, and a
 * learned window of the first stage that is repeated all over it (Bolya et al., 2023). They depend on nothing but weights:
 * the runtime works them out when it loads the graph.
 */
export function absolutePositions(g: Graph, { windows }: HieraVariant): Value {
  const { gridSize } = HIERA_COMMON;
  const background = g.interpolateCubic(g.parameter('pos_embed'), gridSize); // [1,C,256,256]
  const times = gridSize / windows[0];
  const repeated = g.tile(g.parameter('pos_embed_window'), [1, 1, times, times]);
  return channelsLast(g, g.add(background, repeated));
}
