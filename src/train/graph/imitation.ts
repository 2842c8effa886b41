import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../../sam/architecture.js';
import type { MaskValues } from '../../sam/paper/mask-decoder.js';
import { FOCAL_WEIGHT } from './loss.js';

/** What is imitated: the answers of a decoder that has not been trained. */
export interface TeacherValues {
  /** [B,4,256,256] logits */
  readonly masks: Value;
  /** [B,4] */
  readonly ious: Value;
  /** [B,1,P] 1 where a cell is of the image, 0 where it is padding. */
  readonly inside: Value;
}

/**
 * How far answers are from a teacher's (Hinton et al., 2015; Li and Hoiem's learning without forgetting, 2016), over all
 * four masks: the mean divergence of Kullback and Leibler between the cells' probabilities, and the squared difference of
 * the predicted IoUs, which choose among the masks; both with the weight of the focal loss. 0 where nothing has changed.
 * @returns [B,1]
 */
export function imitationLoss(
  g: Graph,
  { masks, iouPredictions }: MaskValues,
  teacher: TeacherValues,
): Value {
  const { maskTokens } = DECODER;
  const flat = (x: Value) => g.reshape(x, [0, maskTokens, -1]); // [B,4,P]
  const [z, t] = [flat(masks), flat(teacher.masks)];
  // p log(p/q) + (1-p) log((1-p)/(1-q)) with p = sigma(t) and q = sigma(z).
  const spread = g.sub(g.softplus(z), g.softplus(t));
  const divergence = g.sub(spread, g.mul(g.sigmoid(t), g.sub(z, t))); // [B,4,P]
  const sum = g.reshape(g.reduceSum(g.mul(divergence, teacher.inside), 2), [0, maskTokens]);
  const count = g.reshape(g.reduceSum(teacher.inside, 2), [0, 1]); // [B,1]
  const error = g.sub(iouPredictions, teacher.ious); // [B,4]
  const apart = g.add(g.div(sum, count), g.mul(error, error)); // [B,4]
  return g.mul(g.reduceSum(apart, 1), g.constant(FOCAL_WEIGHT));
}
