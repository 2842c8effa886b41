import type { Family } from '../../core/family.js';
import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { OUTPUT_TOKENS } from '../architecture.js';

/** The learned tokens, once for each prompt: [B,1+4,dim], the IoU token first; in SAM 2 [B,2+4,dim], behind the object's. */
export function outputTokens(g: Graph, sparse: Value, family: Family): Value {
  const learned = OUTPUT_TOKENS[family].map((name) => g.scope(name).parameter('weight'));
  const tokens = g.unsqueeze(g.concat(learned, 0), 0); // [1,1+4,dim]
  return g.expand(tokens, g.concat([g.shape(sparse, 0, 1), g.ints([1, 1])], 0));
}
