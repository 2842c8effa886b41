import type { Family } from '../../core/family.js';
import type { FloatTensor } from '../../onnx/float-tensor.js';

/** Weights by their names in the state dict. */
export type Weights = ReadonlyMap<string, FloatTensor>;

/** Whose weights these are: only SAM 2's mask decoder has a token that asks whether there is an object. */
export function familyOfWeights(weights: ReadonlyMap<string, unknown>): Family {
  return weights.has('mask_decoder.obj_score_token.weight') ? 'sam2' : 'sam';
}
