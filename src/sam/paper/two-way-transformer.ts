import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { attention, crossAttention } from '../decoder/multi-head-attention.js';
import { layerNorm, linear } from '../layers.js';

/** The two sequences that look at each other; T tokens against P = 64 * 64 places of the image. */
export interface TwoWay {
  /** [B,T,dim] the tokens: learned ones and the prompt's. */
  readonly queries: Value;
  /** [B,P,dim] the image, one token a place. */
  readonly keys: Value;
}

/** What each sequence is reminded of before every attention. */
interface Positions {
  /** [B,T,dim] the tokens as they were first. */
  readonly queryPe: Value;
  /** [1,P,dim] the encoding of the places. */
  readonly keyPe: Value;
}

/** Lets tokens and image attend to each other, both ways in every layer, and last the tokens to the image. */
export function twoWayTransformer(g: Graph, { queries, keys }: TwoWay, keyPe: Value): TwoWay {
  const positions: Positions = { queryPe: queries, keyPe };
  let state: TwoWay = { queries, keys };
  for (let layer = 0; layer < DECODER.transformer.depth; layer++) {
    state = twoWayAttentionBlock(g.scope(`layers.${layer}`), state, positions, layer === 0);
  }
  const attended = crossAttention(g.scope('final_attn_token_to_image'), {
    q: g.add(state.queries, positions.queryPe),
    k: g.add(state.keys, keyPe),
    v: state.keys,
  });
  const final = layerNorm(g.scope('norm_final_attn'), g.add(state.queries, attended)); // [B,T,dim]
  return { queries: final, keys: state.keys };
}

/** One layer. In the first, the tokens are nothing but their own positions, which are not added again. */
function twoWayAttentionBlock(
  g: Graph,
  { queries, keys }: TwoWay,
  { queryPe, keyPe }: Positions,
  skipFirstLayerPe: boolean,
): TwoWay {
  // Tokens to themselves.
  const placed = skipFirstLayerPe ? queries : g.add(queries, queryPe);
  const toSelf = attention(g.scope('self_attn'), { q: placed, k: placed, v: queries }, DECODER.dim);
  let tokens = skipFirstLayerPe ? toSelf : g.add(queries, toSelf);
  tokens = layerNorm(g.scope('norm1'), tokens); // [B,T,dim]

  // Tokens to image.
  const places = g.add(keys, keyPe); // [B,P,dim]
  const toImage = crossAttention(g.scope('cross_attn_token_to_image'), {
    q: g.add(tokens, queryPe),
    k: places,
    v: keys,
  });
  tokens = layerNorm(g.scope('norm2'), g.add(tokens, toImage));

  // Each token by itself.
  tokens = layerNorm(g.scope('norm3'), g.add(tokens, mlpBlock(g.scope('mlp'), tokens)));

  // Image to tokens.
  const toTokens = crossAttention(g.scope('cross_attn_image_to_token'), {
    q: places,
    k: g.add(tokens, queryPe),
    v: tokens,
  });
  const image = layerNorm(g.scope('norm4'), g.add(keys, toTokens)); // [B,P,dim]
  return { queries: tokens, keys: image };
}

function mlpBlock(g: Graph, x: Value): Value {
  return linear(g.scope('lin2'), g.relu(linear(g.scope('lin1'), x)));
}
