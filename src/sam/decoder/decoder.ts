import type { Family } from '../../core/family.js';
import { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { writeModel } from '../../onnx/write-model.js';
import { DECODER, tokensBeforeMasks } from '../architecture.js';
import { mlpRows } from '../layers.js';
import { familyOfWeights, type Weights } from '../weights/weights.js';
import type { Order, ProjectedImage } from './attention.js';
import type { HighResolution } from './high-resolution.js';
import { hypernetworks, type MaskRange } from './hypernetworks.js';
import { CONTEXT_SHAPES, type ImageContext } from './image-context.js';
import { outputTokens } from './output-tokens.js';
import { imagePe } from './positional-encoding.js';
import { embedPoints, shrinkMasks } from './prompt-embedding.js';
import { wantedMasks } from './stable-mask.js';
import { twoWayTransformer } from './two-way-transformer.js';
import { upscaledMasks } from './upscaling.js';

const { dim, gridSize, headDepth, maskSide: SIDE, maskTokens } = DECODER;
const PLACES = gridSize * gridSize;

/** From this many tokens on a prompt the paper's order is faster: measured on one thread, see bench/README. */
const IMAGE_FIRST_TOKENS = 18;

/** The order of multiplication for prompts of N points. */
export function orderFor(points: number, family: Family = 'sam'): Order {
  const tokens = tokensBeforeMasks(family) + maskTokens + points;
  return tokens < IMAGE_FIRST_TOKENS ? 'tokens-first' : 'image-first';
}

/** The graphs that `buildDecoder` writes; each answers another kind of batch. */
export interface DecoderVariant {
  readonly order: Order;
  /** Whether the prompts come with `mask_input`, all of them. */
  readonly withMask: boolean;
  /**
   * `masks`: one or three of each prompt, as `multimask_output` says. `candidates`: of the three of each prompt those
   * above `pred_iou_thresh`; the others never reach the upscaling.
   */
  readonly answer: 'masks' | 'candidates';
}

/**
 * Writes the per-prompt part of the decoder: `buildPaperDecoder`'s function in half the arithmetic, for an image whose
 * `buildContext` has run. B prompts of N points each about that image.
 *
 * Inputs, float32 unless said otherwise:
 * - `keys`, `k0`, `v0`, `q0` and what else `CONTEXT_SHAPES` has: the image's context;
 * - `point_coords` [B,N,2] and `point_labels` [B,N] as in `buildPaperDecoder`;
 * - `mask_input` [B,1,256,256], where the variant has it;
 * - `multimask_output` [1] bool, or `pred_iou_thresh` [1].
 *
 * Outputs: `low_res_masks` [B,M,256,256] and `iou_predictions` [B,M], M = 3 with `multimask_output` and else 1, of SAM 2
 * also `object_score_logits` [B,1], above 0 where there is an object; or for candidates [K,256,256] and [K], with
 * `candidates` [K] int64, which are 3 * prompt + mask.
 * @throws Error naming a weight that `weights` lacks.
 */
export function buildDecoder(weights: Weights, variant: DecoderVariant): Uint8Array {
  const g = Graph.create('sam_decoder', weights);
  const family = familyOfWeights(weights);
  const context = Object.fromEntries(
    Object.entries(CONTEXT_SHAPES[family]).map(([name, shape]) => [name, g.input(name, shape)]),
  ) as unknown as ImageContext & HighResolution;
  const coords = g.input('point_coords', ['B', 'N', 2]);
  const labels = g.input('point_labels', ['B', 'N']);
  const image = variant.withMask
    ? withMask(g, context, g.input('mask_input', ['B', 1, SIDE, SIDE]))
    : context;

  const sparse = embedPoints(g.scope('prompt_encoder'), coords, labels); // [B,N,dim]
  const batch = g.shape(coords, 0, 1);
  const multimask =
    variant.answer === 'masks' ? g.input('multimask_output', [1], 'bool') : undefined;
  const computed = multimask ? computedMasks(g, family, multimask) : AMBIGUOUS;
  const before = tokensBeforeMasks(family);
  const select = (tokens: Value) => selectTokens(g, tokens, batch, before, computed);
  const decoder = g.scope('mask_decoder');
  const tokens = g.concat([outputTokens(decoder, sparse, family), sparse], 1); // [B,T,dim]
  const { tokens: answers, keys } = twoWayTransformer(
    decoder.scope('transformer'),
    g.reshape(tokens, [-1, dim]),
    batch,
    image,
    imagePe(g, weights),
    select,
    variant.order,
  ); // [B*(1+M),dim] the IoU token, in SAM 2 behind the object's, and the masks' tokens
  const byPrompt = g.reshape(answers, g.concat([batch, g.ints([-1, dim])], 0)); // [B,1+M,dim]
  const token = (at: number) => g.reshape(g.slice(byPrompt, 1, at, at + 1), [-1, dim]); // [B,dim]
  const linear = mlpRows(decoder.scope('iou_prediction_head'), token(before - 1), headDepth);
  const iou = family === 'sam2' ? g.sigmoid(linear) : linear; // [B,4]
  const decoded: Decoded = {
    keys,
    hyperIn: hypernetworks(decoder, g.slice(byPrompt, 1, before, before + maskTokens), computed),
    iou: g.slice(iou, 1, computed.start, computed.end),
    features: family === 'sam2' ? context : undefined,
  };
  if (!multimask) answerCandidates(g, decoded);
  else if (family === 'sam') answerMasks(g, decoded);
  else {
    answerStable(g, decoded, multimask);
    const score = mlpRows(decoder.scope('pred_obj_score_head'), token(0), headDepth);
    g.output('object_score_logits', score, ['B', 1]);
  }
  return writeModel(g.toModel());
}

interface Decoded {
  /** [B,P,dim] */
  readonly keys: Value;
  /** [B,M,32] */
  readonly hyperIn: Value;
  /** [B,M] */
  readonly iou: Value;
  /** Of SAM 2. */
  readonly features: HighResolution | undefined;
}

/** Mask token 0 answers a clear prompt, 1 to 3 an ambiguous one. */
const AMBIGUOUS: MaskRange = { start: 1, end: maskTokens };

/** The mask tokens whose masks are computed: those that are asked for, but in SAM 2 which those are the masks decide. */
function computedMasks(g: Graph, family: Family, multimask: Value<'bool'>): MaskRange {
  if (family === 'sam2') return { start: 0, end: maskTokens };
  return {
    start: g.where(multimask, g.ints([1]), g.ints([0])),
    end: g.where(multimask, g.ints([maskTokens]), g.ints([1])),
  };
}

/** The tokens before the masks' and the wanted masks' of each prompt: [B*T,dim] -> [B*(1+M),dim]. */
function selectTokens(
  g: Graph,
  tokens: Value,
  batch: Value<'int64'>,
  before: number,
  { start, end }: MaskRange,
) {
  const byPrompt = g.reshape(tokens, g.concat([batch, g.ints([-1, dim])], 0)); // [B,T,dim]
  const front = g.slice(byPrompt, 1, 0, before);
  const outputs = g.slice(byPrompt, 1, before, before + maskTokens); // [B,4,dim]
  const chosen = g.concat([front, g.slice(outputs, 1, start, end)], 1);
  return g.reshape(chosen, [-1, dim]);
}

function answerMasks(g: Graph, { keys, hyperIn, iou }: Decoded): void {
  outputMasks(g, upscaledMasks(g.scope('mask_decoder'), keys, hyperIn), iou);
}

/** The wanted ones of all four masks. */
function answerStable(g: Graph, decoded: Decoded, multimask: Value<'bool'>): void {
  const { keys, hyperIn, features, iou } = decoded;
  const all = upscaledMasks(g.scope('mask_decoder'), keys, hyperIn, features);
  const wanted = wantedMasks(g, all, iou, multimask);
  outputMasks(g, wanted.masks, wanted.iou);
}

function outputMasks(g: Graph, masks: Value, iou: Value): void {
  g.output('low_res_masks', masks, ['B', 'M', SIDE, SIDE]);
  g.output('iou_predictions', iou, ['B', 'M']);
}

/** Predicted IoU depends on one token only, so the losers can go before there is a mask. */
function answerCandidates(g: Graph, { keys, hyperIn, iou, features }: Decoded): void {
  const threshold = g.input('pred_iou_thresh', [1]);
  const passes = g.greater(iou, threshold); // [B,3]
  const best = g.reshape(g.reduceMax(iou, 1), [-1]); // [B]
  const prompts = g.reshape(g.nonZero(g.greater(best, threshold)), [-1]); // [B'] prompts with a winner
  const made = upscaledMasks(
    g.scope('mask_decoder'),
    g.gather(keys, prompts),
    g.gather(hyperIn, prompts),
    features,
  ); // [B',3,256,256]
  const flat = (x: Value<'bool'>) => g.reshape(g.nonZero(g.reshape(x, [-1])), [-1]);
  const winners = flat(g.gather(passes, prompts)); // [K] among 3 * B'
  const candidates = flat(passes); // [K] among 3 * B, in the same order
  const masks = g.gather(g.reshape(made, [-1, SIDE, SIDE]), winners);
  g.output('low_res_masks', masks, ['K', SIDE, SIDE]);
  g.output('iou_predictions', g.gather(g.reshape(iou, [-1]), candidates), ['K']);
  g.output('candidates', candidates, ['K']);
}

/**
 * A mask's dense embedding takes the place of no_mask: x W6 + b6 of only 16 channels x. So all that was projected in
 * advance is off by (x W6 + b6 - no_mask) W, a product with the 16 x 128 matrix W6 W, which is a constant.
 */
function withMask(g: Graph, { keys, k0, v0, q0 }: ImageContext, maskInput: Value): ProjectedImage {
  const encoder = g.scope('prompt_encoder');
  const shrunk = shrinkMasks(encoder, maskInput); // [B,16,64,64]
  const last = encoder.scope('mask_downscaling.6');
  const x = g.reshape(shrunk, [0, DECODER.maskChannels[1], PLACES]); // [B,16,P]
  const w6 = g.reshape(last.parameter('weight'), [dim, DECODER.maskChannels[1]]); // [dim,16]
  const noMask = encoder.scope('no_mask_embed').parameter('weight'); // [1,dim]
  const shift = g.sub(last.parameter('bias'), noMask); // [1,dim]

  const layer = g.scope('mask_decoder.transformer.layers.0');
  const correct = (projected: Value, attention: string, projection: string) => {
    const weight = layer.scope(`${attention}.${projection}`).parameter('weight'); // [dim,dim/2]
    const throughMask = g.matMul(g.transpose(weight, [1, 0]), w6); // [dim/2,16]
    const constant = g.transpose(g.matMul(shift, weight), [1, 0]); // [dim/2,1]
    return g.add(g.add(projected, g.matMul(throughMask, x)), constant); // [B,dim/2,P]
  };
  const dense = g.matMul(g.transpose(x, [0, 2, 1]), g.transpose(w6, [1, 0])); // [B,P,dim]
  return {
    keys: g.add(g.add(keys, shift), dense),
    k0: correct(k0, 'cross_attn_token_to_image', 'k_proj'),
    v0: correct(v0, 'cross_attn_token_to_image', 'v_proj'),
    q0: correct(q0, 'cross_attn_image_to_token', 'q_proj'),
  };
}
