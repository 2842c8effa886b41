import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { embedPoints, shrinkMasks } from '../decoder/prompt-embedding.js';
import { conv } from '../layers.js';

/** Prompts as they enter the graph: B of them, each of N points. */
export interface PromptValues {
  /** [B,N,2] pixels in the model's frame. */
  readonly pointCoords: Value;
  /** [B,N]: -1 padding, 0 background, 1 foreground, 2 and 3 the corners of a box. */
  readonly pointLabels: Value;
  /** [B,1,256,256] logits. */
  readonly maskInput: Value;
  /** [B]: 0 where the prompt has no mask. */
  readonly hasMaskInput: Value;
}

export interface PromptEmbeddings {
  /** [B,N,dim], one token a point. */
  readonly sparse: Value;
  /** [B,dim,64,64], to be added to the image embedding. */
  readonly dense: Value;
}

/** Turns prompts into embeddings: points and boxes into tokens, masks into an image. */
export function promptEncoder(g: Graph, prompts: PromptValues): PromptEmbeddings {
  return {
    sparse: embedPoints(g, prompts.pointCoords, prompts.pointLabels),
    dense: embedMasks(g, prompts.maskInput, prompts.hasMaskInput),
  };
}

/** Shrinks a mask to the size of the image embedding, or stands in "no mask" for it. */
function embedMasks(g: Graph, maskInput: Value, hasMaskInput: Value): Value {
  const shrunk = shrinkMasks(g, maskInput); // [B,16,64,64]
  const x = conv(g.scope('mask_downscaling.6'), shrunk); // [B,dim,64,64]
  const noMask = g.reshape(g.scope('no_mask_embed').parameter('weight'), [1, DECODER.dim, 1, 1]);
  const isAbsent = g.equal(g.reshape(hasMaskInput, [-1, 1, 1, 1]), g.constant(0)); // [B,1,1,1]
  return g.where(isAbsent, noMask, x); // [B,dim,64,64]
}
