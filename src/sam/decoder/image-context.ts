import type { Family } from '../../core/family.js';
import { elements } from '../../onnx/float-tensor.js';
import { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { writeModel } from '../../onnx/write-model.js';
import { DECODER, EMBEDDING_TENSORS } from '../architecture.js';
import { familyOfWeights, type Weights } from '../weights/weights.js';
import { HIGH_RESOLUTION_SHAPES, rearranged } from './high-resolution.js';
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

const SHAPES = {
  keys: [1, PLACES, dim],
  k0: [1, CROSS_DIM, PLACES],
  v0: [1, CROSS_DIM, PLACES],
  q0: [1, CROSS_DIM, PLACES],
} as const satisfies Record<keyof ImageContext, readonly number[]>;

/** Names and shapes of the context's tensors by family, outputs of one graph and inputs of the other. */
export const CONTEXT_SHAPES = {
  sam: SHAPES,
  sam2: { ...SHAPES, ...HIGH_RESOLUTION_SHAPES },
} as const satisfies Record<Family, Readonly<Record<string, readonly number[]>>>;

/** Bytes of a context in float32. */
export function contextBytes(family: Family): number {
  const lengths = Object.values(CONTEXT_SHAPES[family]).map((shape) => elements(shape));
  return Float32Array.BYTES_PER_ELEMENT * lengths.reduce((sum, length) => sum + length, 0);
}

/**
 * Writes the once-per-image part of the decoder as an ONNX model: the tensors of an embedding -> those of
 * `CONTEXT_SHAPES`.
 *
 * Before the first layer the image side is embedding + no_mask + positions whatever the prompt, so its three
 * projections are computed in advance. It saves 402 million multiplications a prompt.
 * @throws Error naming a weight that `weights` lacks.
 */
export function buildContext(weights: Weights): Uint8Array {
  const g = Graph.create('sam_image_context', weights);
  const family = familyOfWeights(weights);
  const [embedding, s0, s1] = Object.entries(EMBEDDING_TENSORS[family]).map(([name, shape]) =>
    g.input(name, shape),
  ) as [Value, Value?, Value?];
  const noMask = g.reshape(g.parameter('prompt_encoder.no_mask_embed.weight'), [1, dim, 1]);
  const image = g.add(g.reshape(embedding, [1, dim, PLACES]), noMask); // [1,dim,P]
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
  const values: Record<string, Value> = { ...context, ...(s0 && s1 && rearranged(g, s0, s1)) };
  for (const [name, shape] of Object.entries(CONTEXT_SHAPES[family])) {
    g.output(name, values[name] as Value, shape);
  }
  return writeModel(g.toModel());
}

/** A linear layer on an image whose channels come first: [1,dim,P] -> [1,dim/2,P]. */
function project(g: Graph, image: Value): Value {
  const product = g.matMul(g.transpose(g.parameter('weight'), [1, 0]), image);
  return g.add(product, g.reshape(g.parameter('bias'), [CROSS_DIM, 1]));
}
