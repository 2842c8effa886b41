import type { Graph } from '../onnx/graph.js';
import type { Value } from '../onnx/graph-scope.js';
import type { Tower } from './architecture.js';
import { selfAttention, type Tokens } from './attention.js';
import { layerNorm, linear, quickGelu } from './layers.js';

/** `encoder.layers`: the blocks of a tower, one after the other. Rows [B*S,C] -> [B*S,C]. */
export function encoder(g: Graph, rows: Value, tower: Tower, tokens: Tokens): Value {
  let x = rows;
  for (let layer = 0; layer < tower.layers; layer++) {
    x = encoderLayer(g.scope(`layers.${layer}`), x, tower, tokens);
  }
  return x;
}

function encoderLayer(g: Graph, x: Value, tower: Tower, tokens: Tokens): Value {
  const seen = layerNorm(g.scope('layer_norm1'), x, tower.epsilon);
  const attended = g.add(x, selfAttention(g.scope('self_attn'), seen, tower, tokens));
  const normalised = layerNorm(g.scope('layer_norm2'), attended, tower.epsilon);
  return g.add(attended, mlp(g.scope('mlp'), normalised));
}

function mlp(g: Graph, x: Value): Value {
  return linear(g.scope('fc2'), quickGelu(g, linear(g.scope('fc1'), x)));
}
