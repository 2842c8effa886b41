import type { Graph } from '../onnx/graph.js';
import type { Value } from '../onnx/graph-scope.js';
import { linear } from './layers.js';

/** `Owlv2BoxPredictionHead`, which is also that of objectness: three linear layers, with gelu between them. */
export function mlpHead(g: Graph, x: Value): Value {
  const first = g.gelu(linear(g.scope('dense0'), x));
  const second = g.gelu(linear(g.scope('dense1'), first));
  return linear(g.scope('dense2'), second);
}
