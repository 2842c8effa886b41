import { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { writeModel } from '../../onnx/write-model.js';
import { DECODER, EMBEDDING_TENSORS } from '../architecture.js';
import { imagePe } from '../decoder/positional-encoding.js';
import type { Weights } from '../weights/weights.js';
import { type MaskValues, maskDecoder } from './mask-decoder.js';
import { type PromptEmbeddings, promptEncoder } from './prompt-encoder.js';
import { sam2MaskDecoder } from './sam2-mask-decoder.js';

/**
 * Writes the prompt encoder and the mask decoder as one ONNX model, which answers B prompts of N
 * points each about one image.
 *
 * Inputs, all float32:
 * - `image_embeddings` [1,256,64,64], shared by all prompts;
 * - `point_coords` [B,N,2] x, y in pixels of the 1024 x 1024 frame; the graph adds the half pixel;
 * - `point_labels` [B,N]: -1 padding, 0 background, 1 foreground, 2 and 3 the corners of a box;
 *   padding is the caller's business, see `promptTokens`;
 * - `mask_input` [B,1,256,256] logits of an earlier mask, ignored where
 * - `has_mask_input` [B] is 0.
 *
 * Outputs: `low_res_masks` [B,4,256,256] logits and `iou_predictions` [B,4], in the order of the mask
 * tokens: 0 is the answer to an unambiguous prompt, 1 to 3 are those to an ambiguous one.
 * @throws Error naming a weight that `weights` lacks.
 */
export function buildPaperDecoder(weights: Weights): Uint8Array {
  const g = Graph.create('sam_paper_decoder', weights);
  const { masks, iouPredictions } = paperDecoder(g, weights);
  outputMasks(g, masks, iouPredictions);
  return writeModel(g.toModel());
}

/** The same networks within a graph that goes on from their answers: adds the inputs, and no outputs. */
export function paperDecoder(g: Graph, weights: Weights): MaskValues {
  const { image_embeddings } = EMBEDDING_TENSORS.sam;
  const imageEmbeddings = g.input('image_embeddings', image_embeddings);
  const pe = imagePe(g, weights);
  return maskDecoder(g.scope('mask_decoder'), imageEmbeddings, pe, embeddedPrompts(g));
}

/**
 * The same of a SAM 2, whose image is `image_embed` [1,256,64,64], `high_res_s0` [1,32,256,256] and `high_res_s1`
 * [1,64,128,128]. It has one more output, `object_score_logits` [B,1].
 * @throws Error naming a weight that `weights` lacks.
 */
export function buildSam2PaperDecoder(weights: Weights): Uint8Array {
  const g = Graph.create('sam2_paper_decoder', weights);
  const shapes = EMBEDDING_TENSORS.sam2;
  const features = {
    imageEmbed: g.input('image_embed', shapes.image_embed),
    highResS0: g.input('high_res_s0', shapes.high_res_s0),
    highResS1: g.input('high_res_s1', shapes.high_res_s1),
    imagePe: imagePe(g, weights),
  };
  const decoded = sam2MaskDecoder(g.scope('mask_decoder'), features, embeddedPrompts(g));
  outputMasks(g, decoded.masks, decoded.iouPredictions);
  g.output('object_score_logits', decoded.objectScores, ['B', 1]);
  return writeModel(g.toModel());
}

function embeddedPrompts(g: Graph): PromptEmbeddings {
  const { maskSide: side } = DECODER;
  return promptEncoder(g.scope('prompt_encoder'), {
    pointCoords: g.input('point_coords', ['B', 'N', 2]),
    pointLabels: g.input('point_labels', ['B', 'N']),
    maskInput: g.input('mask_input', ['B', 1, side, side]),
    hasMaskInput: g.input('has_mask_input', ['B']),
  });
}

function outputMasks(g: Graph, masks: Value, iouPredictions: Value): void {
  const { maskSide: side, maskTokens } = DECODER;
  g.output('low_res_masks', masks, ['B', maskTokens, side, side]);
  g.output('iou_predictions', iouPredictions, ['B', maskTokens]);
}
