import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';
import { layerNorm2d } from '../common.js';
import { encodePositions } from '../decoder/positional-encoding.js';

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

/** The encoding of a point's position plus a learned embedding of what its label says it is. */
export function embedPoints(g: Graph, coords: Value, labels: Value): Value {
  const centres = g.add(coords, g.constant(0.5)); // from a pixel's corner to its centre
  const positions = g.div(centres, g.constant(DECODER.imageSize)); // [B,N,2] in 0..1
  const encoded = encodePositions(g.scope('pe_layer'), positions); // [B,N,dim]
  // Padding is nowhere: it has its learned embedding and no position.
  const isPadding = g.equal(g.unsqueeze(labels, 2), g.constant(-1)); // [B,N,1]
  const located = g.where(isPadding, g.constant(0), encoded);
  return g.add(located, embedLabels(g, labels)); // [B,N,dim]
}

/** labels [B,N] -> [B,N,dim] */
function embedLabels(g: Graph, labels: Value): Value {
  const rows = [g.scope('not_a_point_embed').parameter('weight')];
  for (let label = 0; label < DECODER.pointLabels; label++) {
    rows.push(g.scope(`point_embeddings.${label}`).parameter('weight'));
  }
  // The table begins with padding, whose label is -1.
  return g.gather(g.concat(rows, 0), g.toInt64(g.add(labels, g.constant(1))));
}

/** Shrinks a mask to the size of the image embedding, or stands in "no mask" for it. */
function embedMasks(g: Graph, maskInput: Value, hasMaskInput: Value): Value {
  const shrunk = shrinkMasks(g, maskInput); // [B,16,64,64]
  const x = convolve(g.scope('mask_downscaling.6'), shrunk, 1); // [B,dim,64,64]
  const noMask = g.reshape(g.scope('no_mask_embed').parameter('weight'), [1, DECODER.dim, 1, 1]);
  const isAbsent = g.equal(g.reshape(hasMaskInput, [-1, 1, 1, 1]), g.constant(0)); // [B,1,1,1]
  return g.where(isAbsent, noMask, x); // [B,dim,64,64]
}

/** All but the last of mask_downscaling's convolutions, on few channels: [B,1,256,256] -> [B,16,64,64]. */
export function shrinkMasks(g: Graph, maskInput: Value): Value {
  let x = convolve(g.scope('mask_downscaling.0'), maskInput, 2); // [B,4,128,128]
  x = g.gelu(layerNorm2d(g.scope('mask_downscaling.1'), x));
  x = convolve(g.scope('mask_downscaling.3'), x, 2); // [B,16,64,64]
  return g.gelu(layerNorm2d(g.scope('mask_downscaling.4'), x));
}

/** A convolution whose kernel is as large as its stride: patches do not overlap. */
function convolve(g: Graph, x: Value, stride: number): Value {
  return g.conv(x, g.parameter('weight'), g.parameter('bias'), { stride });
}
