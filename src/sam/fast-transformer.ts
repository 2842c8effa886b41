import type { Graph } from '../onnx/graph.js';
import type { Value } from '../onnx/graph-scope.js';
import { DECODER } from './architecture.js';
import { layerNorm, linear } from './common.js';
import { attention, crossAttention, mlpBlock, type TwoWay } from './two-way-transformer.js';

const { dim, gridSize } = DECODER;
const { depth, heads, attentionDownsampleRate } = DECODER.transformer;
const PLACES = gridSize * gridSize;
const CROSS_DIM = dim / attentionDownsampleRate;
/** Channels of one head of the attention between tokens and image. */
const CHANNELS = CROSS_DIM / heads;

/** The image side of the first layer, projected before the prompts were known; `I` is 1 or the batch B. */
export interface ProjectedImage {
  /** [I,P,dim] */
  readonly keys: Value;
  /** [I,dim/2,P] each. */
  readonly k0: Value;
  readonly v0: Value;
  readonly q0: Value;
}

/**
 * In which order tokens, image and weights are multiplied. T tokens and the channels of a head are few, the
 * P = 4096 places of the image are many:
 * - `tokens-first` never multiplies the image by a weight, but tokens by weights and the result by the image:
 *   4 products of heads * T * dim * P a layer;
 * - `image-first` is the order of the paper: 4 products of dim * dim/2 * P a layer, whatever T.
 *
 * By multiplications they break even at heads * T = dim/2, T = 16.
 */
export type Order = 'tokens-first' | 'image-first';

/** `twoWayTransformer` rearranged: the same function, tensor for tensor, of [B,T,dim] queries. */
export function fastTransformer(
  g: Graph,
  queries: Value,
  image: ProjectedImage,
  keyPe: Value,
  order: Order,
): TwoWay {
  const queryPe = queries;
  let tokens = queries;
  let { keys } = image;
  for (let i = 0; i < depth; i++) {
    const layer = g.scope(`layers.${i}`);
    const first = i === 0;
    const places = first ? keys : g.add(keys, keyPe); // the first layer has it in its projections

    const placed = first ? tokens : g.add(tokens, queryPe);
    const toSelf = attention(layer.scope('self_attn'), { q: placed, k: placed, v: tokens }, dim);
    tokens = layerNorm(layer.scope('norm1'), first ? toSelf : g.add(tokens, toSelf)); // [B,T,dim]

    const toImage = layer.scope('cross_attn_token_to_image');
    const q = g.add(tokens, queryPe);
    const seen = first
      ? tokensToProjectedImage(toImage, q, image)
      : tokensToImage(toImage, q, { keys, places }, order);
    tokens = layerNorm(layer.scope('norm2'), g.add(tokens, seen));

    tokens = layerNorm(layer.scope('norm3'), g.add(tokens, mlpBlock(layer.scope('mlp'), tokens)));

    const toTokens = layer.scope('cross_attn_image_to_token');
    const asked = { k: g.add(tokens, queryPe), v: tokens };
    const told = first
      ? projectedImageToTokens(toTokens, image.q0, asked, order)
      : imageToTokens(toTokens, places, asked, order);
    keys = layerNorm(layer.scope('norm4'), g.add(keys, told)); // [B,P,dim]
  }
  const seen = tokensToImage(
    g.scope('final_attn_token_to_image'),
    g.add(tokens, queryPe),
    { keys, places: g.add(keys, keyPe) },
    order,
  );
  return { queries: layerNorm(g.scope('norm_final_attn'), g.add(tokens, seen)), keys };
}

/** The image as it is attended to: `places` is `keys` with positions, [B,P,dim] both. */
interface Image {
  readonly keys: Value;
  readonly places: Value;
}

/**
 * Attention from tokens q [B,T,dim] to the image. For a head h with weights Wk_h and Wv_h [dim,c]:
 * - q_h (places Wk_h)' = (q_h Wk_h') places': the scores without the image being projected. The bias of k_proj
 *   adds q_h bk_h to all scores of a row, which softmax takes out again;
 * - softmax (keys Wv_h) = (softmax keys) Wv_h, and as its rows sum to 1 the bias of v_proj is added as it is.
 */
function tokensToImage(g: Graph, q: Value, { keys, places }: Image, order: Order): Value {
  if (order === 'image-first') return crossAttention(g, { q, k: places, v: keys });
  const queries = separateHeads(g, scaled(g, linear(g.scope('q_proj'), q))); // [B,h,T,c]
  const throughKeys = joinRows(g, g.matMul(queries, headsByOut(g.scope('k_proj'))), dim); // [B,h*T,dim]
  const scores = g.matMul(throughKeys, g.transpose(places, [0, 2, 1])); // [B,h*T,P]
  const gathered = splitRows(g, g.matMul(g.softmax(scores), keys), dim); // [B,h,T,dim]
  const values = g.matMul(gathered, headsByIn(g.scope('v_proj'))); // [B,h,T,c]
  const attended = g.add(joinHeads(g, values), g.scope('v_proj').parameter('bias'));
  return linear(g.scope('out_proj'), attended); // [B,T,dim]
}

/**
 * The same for the first layer, whose keys and values are there. Without a mask they are one image's, and all
 * tokens of all prompts are rows of one product.
 */
function tokensToProjectedImage(g: Graph, q: Value, { k0, v0 }: ProjectedImage): Value {
  const queries = scaled(g, linear(g.scope('q_proj'), q)); // [B,T,dim/2]
  const rows = separateHeads(g, g.reshape(queries, rowsOf(g, k0))); // [I,h,R,c], I * R = B * T
  const scores = g.matMul(rows, byHead(g, k0)); // [I,h,R,P]
  const values = g.matMul(g.softmax(scores), g.transpose(byHead(g, v0), [0, 1, 3, 2])); // [I,h,R,c]
  const attended = g.reshape(joinHeads(g, values), g.shape(queries, 0, 3));
  return linear(g.scope('out_proj'), attended); // [B,T,dim]
}

interface Tokens {
  readonly k: Value;
  readonly v: Value;
}

/**
 * Attention from the image to tokens k, v [B,T,dim]: (places Wq_h + bq_h) k_h' = places (Wq_h k_h') + bq_h k_h'.
 * The scores are kept as [tokens, places], rows as long as the image.
 */
function imageToTokens(g: Graph, places: Value, { k, v }: Tokens, order: Order): Value {
  if (order === 'image-first') return crossAttention(g, { q: places, k, v });
  const keys = separateHeads(g, scaled(g, linear(g.scope('k_proj'), k))); // [B,h,T,c]
  const throughQueries = joinRows(g, g.matMul(keys, headsByOut(g.scope('q_proj'))), dim); // [B,h*T,dim]
  const bias = g.reshape(g.scope('q_proj').parameter('bias'), [heads, CHANNELS, 1]);
  const shift = joinRows(g, g.matMul(keys, bias), 1); // [B,h*T,1]
  const scores = g.add(g.matMul(throughQueries, g.transpose(places, [0, 2, 1])), shift);
  return fromTokens(g, splitRows(g, scores, PLACES), v);
}

/** The same for the first layer, whose queries are there. */
function projectedImageToTokens(g: Graph, q0: Value, { k, v }: Tokens, order: Order): Value {
  const keys = separateHeads(g, scaled(g, linear(g.scope('k_proj'), k))); // [B,h,T,c]
  const scores = g.matMul(keys, byHead(g, q0)); // [B,h,T,P]
  if (order === 'tokens-first') return fromTokens(g, scores, v);
  const shares = g.softmax(g.transpose(scores, [0, 1, 3, 2])); // [B,h,P,T]
  const values = separateHeads(g, linear(g.scope('v_proj'), v)); // [B,h,T,c]
  return linear(g.scope('out_proj'), joinHeads(g, g.matMul(shares, values))); // [B,P,dim]
}

/**
 * What the image takes from the tokens, scores [B,h,T,P]: sum over h of (P_h V_h) Wo_h is the one product
 * [P_1 … P_h] [V_1 Wo_1; …; V_h Wo_h]. Shares of a head sum to 1, so each of its rows may carry 1/h of out_proj's bias.
 */
function fromTokens(g: Graph, scores: Value, v: Value): Value {
  const exponentials = g.exp(g.sub(scores, g.reduceMax(scores, 2)));
  const shares = g.div(exponentials, g.reduceSum(exponentials, 2)); // [B,h,T,P] softmax over T
  const values = separateHeads(g, linear(g.scope('v_proj'), v)); // [B,h,T,c]
  const out = g.scope('out_proj');
  const byHead = g.reshape(out.parameter('weight'), [heads, CHANNELS, dim]); // [h,c,dim]
  const bias = g.div(out.parameter('bias'), g.constant(heads));
  const told = g.add(g.matMul(values, byHead), bias); // [B,h,T,dim]
  return g.matMul(g.transpose(joinRows(g, shares, PLACES), [0, 2, 1]), joinRows(g, told, dim)); // [B,P,dim]
}

/** Scores are divided by the root of a head's channels; here it is the smaller side that is. */
function scaled(g: Graph, x: Value): Value {
  return g.mul(x, g.constant(1 / Math.sqrt(CHANNELS)));
}

/** [B,T,h*c] -> [B,h,T,c] */
function separateHeads(g: Graph, x: Value): Value {
  return g.transpose(g.reshape(x, [0, -1, heads, CHANNELS]), [0, 2, 1, 3]);
}

/** [B,h,T,c] -> [B,T,h*c] */
function joinHeads(g: Graph, x: Value): Value {
  return g.reshape(g.transpose(x, [0, 2, 1, 3]), [0, -1, CROSS_DIM]);
}

/** [I,h*c,P] -> [I,h,c,P] */
function byHead(g: Graph, x: Value): Value {
  return g.reshape(x, [0, heads, CHANNELS, PLACES]);
}

/** [B,h,T,n] -> [B,h*T,n] */
function joinRows(g: Graph, x: Value, n: number): Value {
  return g.reshape(x, [0, -1, n]);
}

/** [B,h*T,n] -> [B,h,T,n] */
function splitRows(g: Graph, x: Value, n: number): Value {
  return g.reshape(x, [0, heads, -1, n]);
}

/** The scope's weight [dim,h*c] as [h,c,dim]. */
function headsByOut(g: Graph): Value {
  return g.transpose(g.reshape(g.parameter('weight'), [dim, heads, CHANNELS]), [1, 2, 0]);
}

/** The scope's weight [dim,h*c] as [h,dim,c]. */
function headsByIn(g: Graph): Value {
  return g.transpose(g.reshape(g.parameter('weight'), [dim, heads, CHANNELS]), [1, 0, 2]);
}

/** The shape [I,-1,dim/2], with I the number of images that `image` [I,...] holds. */
function rowsOf(g: Graph, image: Value): Value<'int64'> {
  return g.concat([g.shape(image, 0, 1), g.ints([-1, CROSS_DIM])], 0);
}
