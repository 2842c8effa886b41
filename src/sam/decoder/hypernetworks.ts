import type { Graph, Position } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';

const { headDepth, maskTokens } = DECODER;

/** Mask tokens from `start` to `end`, exclusive. */
export interface MaskRange {
  readonly start: Position;
  readonly end: Position;
}

/**
 * The hypernetworks of M mask tokens at once, as products of stacked matrices.
 * @param tokens [B,M,dim] those of the range.
 * @returns [B,M,32]
 */
export function hypernetworks(g: Graph, tokens: Value, { start, end }: MaskRange): Value {
  let hidden = g.transpose(tokens, [1, 0, 2]); // [M,B,dim]
  for (let layer = 0; layer < headDepth; layer++) {
    const stacked = (name: string) => {
      const all = Array.from({ length: maskTokens }, (_, token) => {
        const mlp = g.scope(`output_hypernetworks_mlps.${token}.layers.${layer}`);
        return g.unsqueeze(mlp.parameter(name), 0);
      });
      return g.slice(g.concat(all, 0), 0, start, end);
    };
    const input = layer === 0 ? hidden : g.relu(hidden);
    hidden = g.add(g.matMul(input, stacked('weight')), g.unsqueeze(stacked('bias'), 1)); // [M,B,out]
  }
  return g.transpose(hidden, [1, 0, 2]); // [B,M,32]
}
