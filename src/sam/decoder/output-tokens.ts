import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';

/** The learned tokens, once for each prompt: [B,1+4,dim], the IoU token first. */
export function outputTokens(g: Graph, sparse: Value): Value {
  const iouToken = g.scope('iou_token').parameter('weight');
  const maskTokens = g.scope('mask_tokens').parameter('weight');
  const tokens = g.unsqueeze(g.concat([iouToken, maskTokens], 0), 0); // [1,1+4,dim]
  return g.expand(tokens, g.concat([g.shape(sparse, 0, 1), g.ints([1, 1])], 0));
}
