import { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import type { ModelProto } from '../../onnx/proto.js';
import { writeModel } from '../../onnx/write-model.js';
import { DECODER } from '../../sam/architecture.js';
import { paperDecoder } from '../../sam/paper/decoder.js';
import type { MaskValues } from '../../sam/paper/mask-decoder.js';
import type { Weights } from '../../sam/weights/weights.js';
import { addGradients } from './gradients.js';
import { imitationLoss } from './imitation.js';
import { promptLoss, type SupervisedIou } from './loss.js';

/** The positions' Gaussian matrix is no parameter: it was drawn once. */
export const FIXED = 'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix';

/** Before the names of the weights that predict how good the masks are, and draw none. */
export const IOU_HEAD = 'mask_decoder.iou_prediction_head.';

/** Before the name of a value, the name of its gradient. */
export const GRADIENT_OF = 'gradient of ';

const { maskTokens, maskSide: side } = DECODER;

/** The names of the tensors that training changes, of all of the prompt encoder's and the mask decoder's. */
export function trainable(weights: Weights): string[] {
  return [...weights.keys()].filter((name) => name !== FIXED);
}

/**
 * Writes the plain decoder, its loss, and the gradients of the sum of all prompts' losses as one ONNX model. Weights
 * are inputs, by their names: they change at every step.
 *
 * Beside the inputs of `buildPaperDecoder` there are `label` and `inside` [B,1,65536] and `returned` [B,4], as `Labels`
 * says. Outputs: `low_res_masks` [B,4,256,256], `iou_predictions`, `focal`, `dice` and `iou_target` [B,4], `chosen` and
 * `prompt_loss` [B,1], and the gradients, `GRADIENT_OF` before the name.
 * @param more names of inputs whose gradients are wanted as well.
 */
export function buildTrainingGraph(
  weights: Weights,
  more: readonly string[] = [],
  iouOf: SupervisedIou = 'chosen',
): Uint8Array {
  const g = Graph.create('sam_training', weights);
  const answer = paperDecoder(g, weights);
  const labels = {
    label: g.input('label', ['B', 1, side * side]),
    inside: g.input('inside', ['B', 1, side * side]),
    returned: g.input('returned', ['B', maskTokens]),
  };
  const loss = promptLoss(g, answer, labels, iouOf);
  g.output('focal', loss.focal, ['B', maskTokens]);
  g.output('dice', loss.dice, ['B', maskTokens]);
  g.output('iou_target', loss.iouTarget, ['B', maskTokens]);
  g.output('chosen', loss.chosen, ['B', 1]);
  outputGradients(g, weights, loss.promptLoss, more);
  return withAnswer(g, weights, answer);
}

/**
 * The same with the loss of `imitationLoss`: instead of labels the inputs are `teacher_masks` [B,4,256,256],
 * `teacher_ious` [B,4] and `inside`; of the loss's parts, only `prompt_loss` is an output.
 */
export function buildImitationGraph(weights: Weights): Uint8Array {
  const g = Graph.create('sam_imitation', weights);
  const answer = paperDecoder(g, weights);
  const teacher = {
    masks: g.input('teacher_masks', ['B', maskTokens, side, side]),
    ious: g.input('teacher_ious', ['B', maskTokens]),
    inside: g.input('inside', ['B', 1, side * side]),
  };
  outputGradients(g, weights, imitationLoss(g, answer, teacher), []);
  return withAnswer(g, weights, answer);
}

/** The plain decoder alone, whose weights are inputs as well. */
export function buildAnsweringGraph(weights: Weights): Uint8Array {
  const g = Graph.create('sam_answers', weights);
  return withAnswer(g, weights, paperDecoder(g, weights));
}

function outputGradients(g: Graph, weights: Weights, loss: Value, more: readonly string[]): void {
  const gradients = addGradients(g, loss, new Set([...trainable(weights), ...more]));
  g.output('prompt_loss', loss, ['B', 1]);
  for (const [name, gradient] of gradients) {
    g.output(`${GRADIENT_OF}${name}`, gradient, weights.get(name)?.shape ?? [1, 256, 64, 64]);
  }
}

function withAnswer(g: Graph, weights: Weights, answer: MaskValues): Uint8Array {
  g.output('low_res_masks', answer.masks, ['B', maskTokens, side, side]);
  g.output('iou_predictions', answer.iouPredictions, ['B', maskTokens]);
  return writeModel(withInputs(g.toModel(), new Set(trainable(weights))));
}

/** The same model with some of its weights as inputs. */
function withInputs(model: ModelProto, names: ReadonlySet<string>): ModelProto {
  const { graph } = model;
  const inputs = graph.initializers
    .filter(({ name }) => names.has(name))
    .map(({ name, type, shape }) => ({ name, type, shape }));
  const initializers = graph.initializers.filter(({ name }) => !names.has(name));
  return { ...model, graph: { ...graph, initializers, inputs: [...graph.inputs, ...inputs] } };
}
