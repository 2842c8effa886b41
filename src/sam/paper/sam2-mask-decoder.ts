import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { outputTokens } from '../decoder/output-tokens.js';
import { layerNorm2d } from '../layers.js';
import { double, hypernetworks, type MaskValues, mlp } from './mask-decoder.js';
import type { PromptEmbeddings } from './prompt-encoder.js';
import { twoWayTransformer } from './two-way-transformer.js';

/** What SAM 2 keeps of an image, and where its places are. */
export interface ImageFeatures {
  /** [1,dim,64,64] */
  readonly imageEmbed: Value;
  /** [1,32,256,256] and [1,64,128,128] */
  readonly highResS0: Value;
  readonly highResS1: Value;
  /** [1,64*64,dim] the positional encoding of the embedding's places. */
  readonly imagePe: Value;
}

/**
 * SAM 2's mask decoder: all masks of all prompts. It is SAM's, but that
 * - one more token, the first, asks whether there is an object at all,
 * - what the encoder saw at a finer scale is added while the image is enlarged,
 * - predicted IoUs go through a sigmoid.
 * @returns masks and IoUs by mask token, and `objectScores` [B,1], logits.
 */
export function sam2MaskDecoder(
  g: Graph,
  { imageEmbed, imagePe, ...features }: ImageFeatures,
  { sparse, dense }: PromptEmbeddings,
): MaskValues & { objectScores: Value } {
  const { dim, gridSize, headDepth, maskSide: side, maskTokens } = DECODER;
  const tokens = g.concat([outputTokens(g, sparse, 'sam2'), sparse], 1); // [B,2+4+N,dim]
  const image = g.add(imageEmbed, dense); // [B,dim,64,64]
  const places = g.transpose(g.reshape(image, [0, dim, -1]), [0, 2, 1]); // [B,64*64,dim]

  const { queries, keys } = twoWayTransformer(
    g.scope('transformer'),
    { queries: tokens, keys: places },
    imagePe,
  );
  const objectToken = g.slice(queries, 1, 0, 1); // [B,1,dim]
  const iouToken = g.slice(queries, 1, 1, 2);
  const maskTokensOut = g.slice(queries, 1, 2, 2 + maskTokens); // [B,4,dim]

  const grid = g.reshape(g.transpose(keys, [0, 2, 1]), [0, dim, gridSize, gridSize]); // [B,dim,64,64]
  const upscaled = outputUpscaling(g, grid, features); // [B,32,256,256]
  const hyperIn = hypernetworks(g, maskTokensOut); // [B,4,32]
  const pixels = g.reshape(upscaled, [0, 0, -1]); // [B,32,256*256]
  const masks = g.reshape(g.matMul(hyperIn, pixels), [0, maskTokens, side, side]); // [B,4,256,256]

  const iou = g.sigmoid(mlp(g.scope('iou_prediction_head'), iouToken, headDepth)); // [B,1,4]
  const score = mlp(g.scope('pred_obj_score_head'), objectToken, headDepth); // [B,1,1]
  return {
    masks,
    iouPredictions: g.reshape(iou, [0, maskTokens]),
    objectScores: g.reshape(score, [0, 1]),
  };
}

/** [B,dim,64,64] -> [B,32,256,256] */
function outputUpscaling(
  g: Graph,
  grid: Value,
  { highResS0, highResS1 }: Pick<ImageFeatures, 'highResS0' | 'highResS1'>,
): Value {
  let x = g.add(double(g.scope('output_upscaling.0'), grid), highResS1); // [B,64,128,128]
  x = g.gelu(layerNorm2d(g.scope('output_upscaling.1'), x));
  x = g.add(double(g.scope('output_upscaling.3'), x), highResS0); // [B,32,256,256]
  return g.gelu(x);
}
