import { Graph } from '../../onnx/graph.js';
import { writeModel } from '../../onnx/write-model.js';
import { DECODER, EMBEDDING_SHAPE } from '../architecture.js';
import { imagePe } from '../decoder/positional-encoding.js';
import type { Weights } from '../weights/weights.js';
import { type MaskValues, maskDecoder } from './mask-decoder.js';
import { promptEncoder } from './prompt-encoder.js';

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
  const { maskSide: side, maskTokens } = DECODER;
  const g = Graph.create('sam_paper_decoder', weights);
  const { masks, iouPredictions } = paperDecoder(g, weights);
  g.output('low_res_masks', masks, ['B', maskTokens, side, side]);
  g.output('iou_predictions', iouPredictions, ['B', maskTokens]);
  return writeModel(g.toModel());
}

/** The same networks within a graph that goes on from their answers: adds the inputs, and no outputs. */
export function paperDecoder(g: Graph, weights: Weights): MaskValues {
  const { maskSide: side } = DECODER;
  const imageEmbeddings = g.input('image_embeddings', EMBEDDING_SHAPE);
  const prompts = {
    pointCoords: g.input('point_coords', ['B', 'N', 2]),
    pointLabels: g.input('point_labels', ['B', 'N']),
    maskInput: g.input('mask_input', ['B', 1, side, side]),
    hasMaskInput: g.input('has_mask_input', ['B']),
  };
  const embeddings = promptEncoder(g.scope('prompt_encoder'), prompts);
  return maskDecoder(g.scope('mask_decoder'), imageEmbeddings, imagePe(g, weights), embeddings);
}
