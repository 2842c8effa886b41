import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { linearRows } from '../layers.js';
import { crossAttention } from './multi-head-attention.js';

const { dim, gridSize } = DECODER;
const { heads, attentionDownsampleRate } = DECODER.transformer;
const PLACES = gridSize * gridSize;
const CROSS_DIM = dim / attentionDownsampleRate;

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
 * In which order tokens, image and weights are multiplied. T tokens and the channels of a head are few, the places
 * of the image are many:
 * - `tokens-first` never multiplies the image by a weight, but tokens by weights and the result by the image:
 *   4 products of heads * T * dim * P a layer;
 * - `image-first` is the order of the paper: 4 products of dim * dim/2 * P a layer, whatever T.
 *
 * By multiplications they break even at heads * T = dim/2, T = 16; bench/README says where they do by the clock.
 */
export type Order = 'tokens-first' | 'image-first';

/** The image as it is attended to: `places` is `keys` with positions, [B,P,dim] both. */
interface Image {
  readonly keys: Value;
  readonly places: Value;
}

/** [B*T,dim] both. */
interface Tokens {
  readonly k: Value;
  readonly v: Value;
}

/** The attentions of a layer, each in the scope of its weights. */
export class Attention {
  readonly #order: Order;
  readonly #batch: Value<'int64'>;
  /** The shapes [B,-1,dim] and, for each width of attention, [B,-1,heads,width/heads]. */
  readonly #prompts: Value<'int64'>;
  readonly #heads: ReadonlyMap<number, Value<'int64'>>;

  constructor(g: Graph, batch: Value<'int64'>, order: Order) {
    const by = (...rest: number[]) => g.concat([batch, g.ints(rest)], 0);
    this.#order = order;
    this.#batch = batch;
    this.#prompts = by(-1, dim);
    this.#heads = new Map([dim, CROSS_DIM].map((width) => [width, by(-1, heads, width / heads)]));
  }

  /** Attention of tokens to each other: q and k from `placed`, v from `tokens`, [B*T,dim]. */
  toSelf(g: Graph, placed: Value, tokens: Value): Value {
    const q = this.#separate(g, this.#scaled(g, 'q_proj', placed, dim), dim); // [B,h,T,c]
    const k = this.#separate(g, linearRows(g.scope('k_proj'), placed), dim);
    const v = this.#separate(g, linearRows(g.scope('v_proj'), tokens), dim);
    const shares = g.softmax(g.matMul(q, g.transpose(k, [0, 1, 3, 2]))); // [B,h,T,T]
    return linearRows(g.scope('out_proj'), joinHeads(g, g.matMul(shares, v), dim));
  }

  /**
   * Attention from tokens q [B*T,dim] to the image. For a head h with weights Wk_h and Wv_h [dim,c]:
   * - q_h (places Wk_h)' = (q_h Wk_h') places': the scores without the image being projected. The bias of k_proj
   *   adds q_h bk_h to all scores of a row, which softmax takes out again;
   * - softmax (keys Wv_h) = (softmax keys) Wv_h, and as its rows sum to 1 the bias of v_proj is added as it is.
   */
  toImage(g: Graph, q: Value, { keys, places }: Image): Value {
    if (this.#order === 'image-first') {
      const attended = crossAttention(g, { q: this.#byPrompt(g, q), k: places, v: keys });
      return g.reshape(attended, [-1, dim]);
    }
    const queries = this.#separate(g, this.#scaled(g, 'q_proj', q, CROSS_DIM), CROSS_DIM); // [B,h,T,c]
    const throughKeys = g.matMul(queries, headsByOut(g.scope('k_proj'))); // [B,h,T,dim]
    const scores = g.matMul(joinRows(g, throughKeys, dim), g.transpose(places, [0, 2, 1])); // [B,h*T,P]
    const gathered = splitRows(g, g.matMul(g.softmax(scores), keys), dim); // [B,h,T,dim]
    const values = joinHeads(g, g.matMul(gathered, headsByIn(g.scope('v_proj'))), CROSS_DIM);
    const attended = g.add(values, g.scope('v_proj').parameter('bias')); // [B*T,dim/2]
    return linearRows(g.scope('out_proj'), attended);
  }

  /**
   * The same for the first layer, whose keys and values are there. Without a mask they are one image's, and all
   * tokens of all prompts are rows of one product.
   */
  toProjectedImage(g: Graph, q: Value, { k0, v0 }: ProjectedImage): Value {
    const images = g.shape(k0, 0, 1); // [I], I * R = B * T
    const byImage = g.concat([images, g.ints([-1, heads, CROSS_DIM / heads])], 0);
    const queries = this.#scaled(g, 'q_proj', q, CROSS_DIM); // [B*T,dim/2]
    const rows = g.transpose(g.reshape(queries, byImage), [0, 2, 1, 3]); // [I,h,R,c]
    const shares = g.softmax(g.matMul(rows, byHead(g, k0))); // [I,h,R,P]
    const values = g.matMul(shares, g.transpose(byHead(g, v0), [0, 1, 3, 2])); // [I,h,R,c]
    return linearRows(g.scope('out_proj'), joinHeads(g, values, CROSS_DIM)); // [B*T,dim]
  }

  /**
   * Attention from the image to tokens: (places Wq_h + bq_h) k_h' = places (Wq_h k_h') + bq_h k_h'.
   * The scores are kept as [tokens, places], rows as long as the image.
   */
  fromImage(g: Graph, places: Value, { k, v }: Tokens): Value {
    if (this.#order === 'image-first') {
      const tokens = { k: this.#byPrompt(g, k), v: this.#byPrompt(g, v) };
      return crossAttention(g, { q: places, ...tokens });
    }
    const keys = this.#separate(g, this.#scaled(g, 'k_proj', k, CROSS_DIM), CROSS_DIM); // [B,h,T,c]
    const throughQueries = g.matMul(keys, headsByOut(g.scope('q_proj'))); // [B,h,T,dim]
    const bias = g.reshape(g.scope('q_proj').parameter('bias'), [heads, CROSS_DIM / heads, 1]);
    const shift = joinRows(g, g.matMul(keys, bias), 1); // [B,h*T,1]
    const product = g.matMul(joinRows(g, throughQueries, dim), g.transpose(places, [0, 2, 1]));
    return this.#tell(g, splitRows(g, g.add(product, shift), PLACES), v);
  }

  /** The same for the first layer, whose queries q0 [I,dim/2,P] are there. */
  fromProjectedImage(g: Graph, q0: Value, { k, v }: Tokens): Value {
    const keys = this.#separate(g, this.#scaled(g, 'k_proj', k, CROSS_DIM), CROSS_DIM); // [B,h,T,c]
    return this.#tell(g, g.matMul(keys, byHead(g, q0)), v);
  }

  /**
   * What the image takes from the tokens, by scores [B,h,T,P]. The sum over the heads of (S_h V_h) Wo_h is the one
   * product [S_1 … S_h] [V_1 Wo_1; …; V_h Wo_h]. The shares S of a head sum to 1, so each of its rows may carry 1/h
   * of out_proj's bias.
   */
  #tell(g: Graph, scores: Value, v: Value): Value {
    const exponentials = g.exp(g.sub(scores, g.reduceMax(scores, 2)));
    const shares = g.div(exponentials, g.reduceSum(exponentials, 2)); // [B,h,T,P], softmax over T
    const values = this.#separate(g, linearRows(g.scope('v_proj'), v), CROSS_DIM); // [B,h,T,c]
    const out = g.scope('out_proj');
    const byHead = g.reshape(out.parameter('weight'), [heads, CROSS_DIM / heads, dim]);
    const bias = g.div(out.parameter('bias'), g.constant(heads));
    const told = joinRows(g, g.add(g.matMul(values, byHead), bias), dim); // [B,h*T,dim]
    return g.matMul(g.transpose(joinRows(g, shares, PLACES), [0, 2, 1]), told); // [B,P,dim]
  }

  /** A projection over the root of a head's channels, as scores are: here it is the tokens' that is divided. */
  #scaled(g: Graph, projection: string, x: Value, width: number): Value {
    const scale = g.constant(1 / Math.sqrt(width / heads));
    const scaled = (name: string) => g.mul(g.scope(projection).parameter(name), scale);
    return g.gemm(x, scaled('weight'), scaled('bias'));
  }

  /** [B*T,h*c] -> [B,h,T,c] */
  #separate(g: Graph, x: Value, width: number): Value {
    return g.transpose(g.reshape(x, this.#heads.get(width) ?? this.#batch), [0, 2, 1, 3]);
  }

  /** [B*T,dim] -> [B,T,dim] */
  #byPrompt(g: Graph, x: Value): Value {
    return g.reshape(x, this.#prompts);
  }
}

/** [B,h,T,c] -> [B*T,h*c] */
function joinHeads(g: Graph, x: Value, width: number): Value {
  return g.reshape(g.transpose(x, [0, 2, 1, 3]), [-1, width]);
}

/** [I,h*c,P] -> [I,h,c,P] */
function byHead(g: Graph, x: Value): Value {
  return g.reshape(x, [0, heads, CROSS_DIM / heads, PLACES]);
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
  return g.transpose(g.reshape(g.parameter('weight'), [dim, heads, CROSS_DIM / heads]), [1, 2, 0]);
}

/** The scope's weight [dim,h*c] as [h,dim,c]. */
function headsByIn(g: Graph): Value {
  return g.transpose(g.reshape(g.parameter('weight'), [dim, heads, CROSS_DIM / heads]), [1, 0, 2]);
}
