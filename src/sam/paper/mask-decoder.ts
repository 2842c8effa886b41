import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { outputTokens } from '../decoder/output-tokens.js';
import { layerNorm2d, linear } from '../layers.js';
import type { PromptEmbeddings } from './prompt-encoder.js';
import { twoWayTransformer } from './two-way-transformer.js';

export interface MaskValues {
  /** [B,4,256,256] logits, one mask a mask token. */
  readonly masks: Value;
  /** [B,4] the IoU that each mask is thought to have with the truth. */
  readonly iouPredictions: Value;
}

/**
 * Predicts all masks of all prompts.
 * @param imageEmbeddings [1,dim,64,64], the same image for every prompt.
 * @param imagePe [1,64*64,dim] the positional encoding of the embedding's places.
 */
export function maskDecoder(
  g: Graph,
  imageEmbeddings: Value,
  imagePe: Value,
  { sparse, dense }: PromptEmbeddings,
): MaskValues {
  const { dim, gridSize, maskSide: side, maskTokens } = DECODER;
  const tokens = g.concat([outputTokens(g, sparse, 'sam'), sparse], 1); // [B,1+4+N,dim]
  const image = g.add(imageEmbeddings, dense); // [B,dim,64,64]
  const places = g.transpose(g.reshape(image, [0, dim, -1]), [0, 2, 1]); // [B,64*64,dim]

  const { queries, keys } = twoWayTransformer(
    g.scope('transformer'),
    { queries: tokens, keys: places },
    imagePe,
  );
  const iouToken = g.slice(queries, 1, 0, 1); // [B,1,dim]
  const maskTokensOut = g.slice(queries, 1, 1, 1 + maskTokens); // [B,4,dim]

  const grid = g.reshape(g.transpose(keys, [0, 2, 1]), [0, dim, gridSize, gridSize]); // [B,dim,64,64]
  const upscaled = outputUpscaling(g, grid); // [B,32,256,256]
  const hyperIn = hypernetworks(g, maskTokensOut); // [B,4,32]
  const pixels = g.reshape(upscaled, [0, 0, -1]); // [B,32,256*256]
  const masks = g.reshape(g.matMul(hyperIn, pixels), [0, maskTokens, side, side]); // [B,4,256,256]

  const iou = mlp(g.scope('iou_prediction_head'), iouToken, DECODER.headDepth); // [B,1,4]
  return { masks, iouPredictions: g.reshape(iou, [0, maskTokens]) };
}

/** [B,dim,64,64] -> [B,32,256,256] */
function outputUpscaling(g: Graph, grid: Value): Value {
  let x = double(g.scope('output_upscaling.0'), grid); // [B,64,128,128]
  x = g.gelu(layerNorm2d(g.scope('output_upscaling.1'), x));
  x = double(g.scope('output_upscaling.3'), x); // [B,32,256,256]
  return g.gelu(x);
}

/** A transposed convolution that makes each pixel into two by two. */
export function double(g: Graph, x: Value): Value {
  return g.convTranspose(x, g.parameter('weight'), g.parameter('bias'), { stride: 2 });
}

/** Each mask token's weights for the upscaled channels: [B,4,dim] -> [B,4,32]. */
export function hypernetworks(g: Graph, maskTokens: Value): Value {
  const weights = Array.from({ length: DECODER.maskTokens }, (_, i) => {
    const token = g.slice(maskTokens, 1, i, i + 1); // [B,1,dim]
    return mlp(g.scope(`output_hypernetworks_mlps.${i}`), token, DECODER.headDepth); // [B,1,32]
  });
  return g.concat(weights, 1);
}

/** Linear layers `layers.0`, `layers.1`... with ReLU between them. */
export function mlp(g: Graph, x: Value, depth: number): Value {
  let hidden = x;
  for (let layer = 0; layer < depth; layer++) {
    const activated = layer === 0 ? hidden : g.relu(hidden);
    hidden = linear(g.scope(`layers.${layer}`), activated);
  }
  return hidden;
}
