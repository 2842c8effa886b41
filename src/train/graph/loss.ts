import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../../sam/architecture.js';
import type { MaskValues } from '../../sam/paper/mask-decoder.js';

/** Lin et al., 2017: the weight of foreground; the exponent is 2. */
const FOCAL_ALPHA = 0.25;
/** Of numerator and denominator, as DETR and MaskFormer have it. */
const DICE_SMOOTH = 1;
/** The paper's ratio of focal to dice loss. */
export const FOCAL_WEIGHT = 20;
/** More than any loss: what no prompt asked for is never chosen. */
const NOT_RETURNED = 1e6;

/**
 * Whose predicted IoU is supervised: the chosen mask's, as SAM has it, or that of all masks returned, as SAM 2 has it. Only
 * the latter takes from the others the confidence that they had before.
 */
export type SupervisedIou = 'chosen' | 'returned';

/** Each [B,4], one number a mask token, but for `chosen` and `promptLoss`. */
export interface LossValues {
  readonly focal: Value;
  readonly dice: Value;
  readonly iouTarget: Value;
  /** [B,1] the token of the least mask loss among those returned. */
  readonly chosen: Value<'int64'>;
  /** [B,1] */
  readonly promptLoss: Value;
}

/** What masks are compared with. */
export interface Labels {
  /** [B,1,P] 1 in the foreground and 0 elsewhere, of P = 256 * 256 cells. */
  readonly label: Value;
  /** [B,1,P] 1 where a cell is of the image, 0 where it is padding. */
  readonly inside: Value;
  /** [B,4] 1 for the masks the prompt returns. */
  readonly returned: Value;
}

/**
 * The training loss of SAM (Kirillov et al., 2023, section 3 and appendix A): 20 focal + dice of the returned mask for
 * which that is least, and the squared error of its predicted IoU. Nothing flows through the IoU it has or the choice.
 * @param iouOf whose predicted IoU is supervised.
 */
export function promptLoss(
  g: Graph,
  { masks, iouPredictions }: MaskValues,
  { label: t, inside, returned }: Labels,
  iouOf: SupervisedIou = 'chosen',
): LossValues {
  const { maskTokens } = DECODER;
  const z = g.reshape(masks, [0, maskTokens, -1]); // [B,4,P]
  const [zero, one] = [g.constant(0), g.constant(1)];
  const total = (x: Value) => g.reshape(g.reduceSum(g.mul(x, inside), 2), [0, maskTokens]); // [B,4]
  const count = g.reshape(g.reduceSum(inside, 2), [0, 1]); // [B,1]

  // Of the wrong side: sigma(-z) in the foreground is 1 - sigma(z) without the loss of digits.
  const isForeground = g.greater(t, g.constant(0.5)); // [B,1,P]
  const wrong = g.where(isForeground, g.mul(z, g.constant(-1)), z);
  const miss = g.sigmoid(wrong); // 1 - p_t
  const crossEntropy = g.softplus(wrong);
  const alpha = g.where(isForeground, g.constant(FOCAL_ALPHA), g.constant(1 - FOCAL_ALPHA));
  const focal = g.div(total(g.mul(g.mul(alpha, g.mul(miss, miss)), crossEntropy)), count);

  // 1 - (2 common + 1) / (both + 1), where both - 2 common is the sum of all misses.
  const area = g.reshape(g.reduceSum(g.mul(t, inside), 2), [0, 1]); // [B,1]
  const both = g.add(total(g.sigmoid(z)), area);
  const dice = g.div(total(miss), g.add(both, g.constant(DICE_SMOOTH)));

  const isMask = g.greater(z, zero);
  const size = (cells: Value<'bool'>) => total(g.where(cells, one, zero));
  const union = size(g.or(isMask, isForeground));
  const iou = g.div(size(g.and(isMask, isForeground)), g.where(g.greater(union, one), union, one));

  const maskLoss = g.add(g.mul(focal, g.constant(FOCAL_WEIGHT)), dice);
  const penalty = g.mul(g.sub(one, returned), g.constant(NOT_RETURNED));
  const chosen = g.argMin(g.add(maskLoss, penalty), 1); // [B,1]
  const tokens = g.ints(Array.from({ length: maskTokens }, (_, token) => token));
  const isChosen = g.where(g.equal(chosen, tokens), one, zero); // [B,4]
  const error = g.sub(iouPredictions, iou);
  const supervised = iouOf === 'chosen' ? isChosen : returned; // [B,4]
  const all = g.add(g.mul(maskLoss, isChosen), g.mul(g.mul(error, error), supervised));
  return { focal, dice, iouTarget: iou, chosen, promptLoss: g.reduceSum(all, 1) };
}
