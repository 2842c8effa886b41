import type { Graph } from '../onnx/graph.js';
import type { Value } from '../onnx/graph-scope.js';
import { linear } from './layers.js';

/**
 * `Owlv2ClassPredictionHead` without its queries: what a patch [N,C] is, as a vector to be compared with queries, and
 * what becomes of the cosine: logit = (cosine + shift) scale.
 */
export function classHead(g: Graph, x: Value): { classEmbeds: Value; shift: Value; scale: Value } {
  return {
    classEmbeds: linear(g.scope('dense0'), x), // [N,width of the text tower]
    shift: linear(g.scope('logit_shift'), x), // [N,1]
    scale: g.add(g.elu(linear(g.scope('logit_scale'), x)), g.constant(1)), // [N,1]
  };
}
