import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { layerNorm2d } from '../layers.js';

/** SAM's neck, which every image encoder ends with: [B,C,64,64] -> [B,256,64,64]. */
export function neck(g: Graph, x: Value): Value {
  let y = g.conv(x, g.scope('0').parameter('weight'), undefined, { stride: 1 });
  y = layerNorm2d(g.scope('1'), y);
  y = g.conv(y, g.scope('2').parameter('weight'), undefined, { stride: 1, padding: 1 });
  return layerNorm2d(g.scope('3'), y);
}
