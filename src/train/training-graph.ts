import { Graph } from '../onnx/graph.js';
import type { ModelProto } from '../onnx/proto.js';
import { writeModel } from '../onnx/write-model.js';
import { DECODER } from '../sam/architecture.js';
import { paperDecoder } from '../sam/paper/decoder.js';
import type { Weights } from '../sam/weights/weights.js';
import { addGradients } from './gradients.js';
import { promptLoss } from './loss.js';

/** The positions' Gaussian matrix is no parameter: it was drawn once. */
const FIXED = 'prompt_encoder.pe_layer.positional_encoding_gaussian_matrix';

/** Before the name of a value, the name of its gradient. */
export const GRADIENT_OF = 'gradient of ';

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
export function buildTrainingGraph(weights: Weights, more: readonly string[] = []): Uint8Array {
  const { maskTokens, maskSide: side } = DECODER;
  const g = Graph.create('sam_training', weights);
  const answer = paperDecoder(g, weights);
  const cells = ['B', 1, side * side] as const;
  const labels = {
    label: g.input('label', cells),
    inside: g.input('inside', cells),
    returned: g.input('returned', ['B', maskTokens]),
  };
  const loss = promptLoss(g, answer, labels);
  const names = trainable(weights);
  const gradients = addGradients(g, loss.promptLoss, new Set([...names, ...more]));

  g.output('low_res_masks', answer.masks, ['B', maskTokens, side, side]);
  g.output('iou_predictions', answer.iouPredictions, ['B', maskTokens]);
  g.output('focal', loss.focal, ['B', maskTokens]);
  g.output('dice', loss.dice, ['B', maskTokens]);
  g.output('iou_target', loss.iouTarget, ['B', maskTokens]);
  g.output('chosen', loss.chosen, ['B', 1]);
  g.output('prompt_loss', loss.promptLoss, ['B', 1]);
  for (const [name, gradient] of gradients) {
    g.output(`${GRADIENT_OF}${name}`, gradient, weights.get(name)?.shape ?? [1, 256, 64, 64]);
  }
  return writeModel(withInputs(g.toModel(), new Set(names)));
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
