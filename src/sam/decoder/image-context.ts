import { elements } from '../../onnx/float-tensor.js';
import { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { writeModel } from '../../onnx/write-model.js';
import { DECODER, EMBEDDING_SHAPE } from '../architecture.js';
import type { Weights } from '../weights/weights.js';
import { imagePe } from './positional-encoding.js';

const { dim, gridSize } = DECODER;
const PLACES = gridSize * gridSize;
const CROSS_DIM = dim / DECODER.transformer.attentionDownsampleRate;

/** The part of the decoder's work that no prompt changes: computed once an image, for P = 64 * 64 places. */
export interface ImageContext {
  /** [1,P,dim] the image as the transformer gets it when there is no mask: embedding + no_mask. */
  readonly keys: Value;
  /** [1,dim/2,P] keys of the first attention from tokens to image. */
  readonly k0: Value;
  /** [1,dim/2,P] its values. */
  readonly v0: Value;
  /** [1,dim/2,P] queries of the first attention from image to tokens. */
  readonly q0: Value;
}

/** Names and shapes of the context's tensors, outputs of one graph and inputs of the other. */
export const CONTEXT_SHAPES = {
  keys: [1, PLACES, dim],
  k0: [1, CROSS_DIM, PLACES],
  v0: [1, CROSS_DIM, PLACES],
  q0: [1, CROSS_DIM, PLACES],
} as const satisfies Record<keyof ImageContext, readonly number[]>;

/** Bytes of a context in float32. */
export const CONTEXT_BYTES =
  Float32Array.BYTES_PER_ELEMENT *
  Object.values(CONTEXT_SHAPES).reduce((sum, shape) => sum + elements(shape), 0);

/**
 * Writes the once-per-image part of the decoder as an ONNX model: `image_embeddings` [1,256,64,64] -> the
 * tensors of `CONTEXT_SHAPES`.
 *
 * Before the first layer the image side is embedding + no_mask + positions whatever the prompt, so its three
 * projections are computed in advance. It saves 402 million multiplications a prompt.
 * @throws Error naming a weight that `weights` lacks.
 */
export function buildContext(weights: Weights): Uint8Array {
  const g = Graph.create('sam_image_context', weights);
  const embeddings = g.input('image_embeddings', EMBEDDING_SHAPE);
  const noMask = g.reshape(g.parameter('prompt_encoder.no_mask_embed.weight'), [1, dim, 1]);
  const image = g.add(g.reshape(embeddings, [1, dim, PLACES]), noMask); // [1,dim,P]
  const places = g.add(image, g.transpose(imagePe(g, weights), [0, 2, 1])); // [1,dim,P]

  const layer = g.scope('mask_decoder.transformer.layers.0');
  const toImage = layer.scope('cross_attn_token_to_image');
  const toTokens = layer.scope('cross_attn_image_to_token');
  const context: ImageContext = {
    keys: g.transpose(image, [0, 2, 1]),
    k0: project(toImage.scope('k_proj'), places),
    v0: project(toImage.scope('v_proj'), image),
    q0: project(toTokens.scope('q_proj'), places),
  };
  for (const name of Object.keys(CONTEXT_SHAPES) as (keyof ImageContext)[]) {
    g.output(name, context[name], CONTEXT_SHAPES[name]);
  }
  return writeModel(g.toModel());
}

/** A linear layer on an image whose channels come first: [1,dim,P] -> [1,dim/2,P]. */
function project(g: Graph, image: Value): Value {
  const product = g.matMul(g.transpose(g.parameter('weight'), [1, 0]), image);
  return g.add(product, g.reshape(g.parameter('bias'), [CROSS_DIM, 1]));
}
