import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { layerNorm, linearRows } from '../layers.js';
import { Attention, type Order, type ProjectedImage } from './attention.js';

const { depth } = DECODER.transformer;

/** The transformer's state: B prompts of T tokens each before an image of P = 4096 places. */
interface State {
  /** [B*T,dim] the tokens, all prompts' in one matrix. */
  readonly tokens: Value;
  /** [B,P,dim] */
  readonly keys: Value;
}

/**
 * The transformer of `paper/`, rearranged: the same function.
 * @param queries [B*T,dim] the tokens of all prompts.
 * @param batch [1] the number B.
 * @param select takes the tokens whose answers are wanted, [B*T,dim] -> [B*S,dim]. The last attention lets each
 *   token look for itself, so the others need not.
 * @returns [B*S,dim] tokens.
 */
export function twoWayTransformer(
  g: Graph,
  queries: Value,
  batch: Value<'int64'>,
  image: ProjectedImage,
  keyPe: Value,
  select: (tokens: Value) => Value,
  order: Order,
): State {
  const attend = new Attention(g, batch, order);
  let tokens = queries;
  let { keys } = image;
  for (let i = 0; i < depth; i++) {
    const layer = g.scope(`layers.${i}`);
    const first = i === 0;
    const places = first ? keys : g.add(keys, keyPe); // the first layer has it in its projections

    const placed = first ? tokens : g.add(tokens, queries);
    const toSelf = attend.toSelf(layer.scope('self_attn'), placed, tokens);
    tokens = layerNorm(layer.scope('norm1'), first ? toSelf : g.add(tokens, toSelf)); // [B*T,dim]

    const toImage = layer.scope('cross_attn_token_to_image');
    const q = g.add(tokens, queries);
    const seen = first
      ? attend.toProjectedImage(toImage, q, image)
      : attend.toImage(toImage, q, { keys, places });
    tokens = layerNorm(layer.scope('norm2'), g.add(tokens, seen));

    tokens = layerNorm(layer.scope('norm3'), g.add(tokens, mlpBlock(layer.scope('mlp'), tokens)));

    const toTokens = layer.scope('cross_attn_image_to_token');
    const asked = { k: g.add(tokens, queries), v: tokens };
    const told = first
      ? attend.fromProjectedImage(toTokens, image.q0, asked)
      : attend.fromImage(toTokens, places, asked);
    keys = layerNorm(layer.scope('norm4'), g.add(keys, told)); // [B,P,dim]
  }
  const last = g.scope('final_attn_token_to_image');
  const wanted = select(tokens); // [B*S,dim]
  const q = g.add(wanted, select(queries));
  const seen = attend.toImage(last, q, { keys, places: g.add(keys, keyPe) });
  return { tokens: layerNorm(g.scope('norm_final_attn'), g.add(wanted, seen)), keys };
}

function mlpBlock(g: Graph, x: Value): Value {
  return linearRows(g.scope('lin2'), g.relu(linearRows(g.scope('lin1'), x)));
}
