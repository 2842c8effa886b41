import type { Graph } from '../../onnx/graph.js';
import type { Value } from '../../onnx/graph-scope.js';
import { DECODER } from '../architecture.js';

const { maskSide: SIDE, maskTokens } = DECODER;

/** How far the threshold is moved both ways to see how firm a mask is, and how firm it has to be. */
const DELTA = 0.05;
const FIRM_ENOUGH = 0.98;
/** More than an IoU can be. */
const OUT_OF_REACH = 2;

/**
 * SAM 2's `dynamic_multimask_via_stability`: where one mask is wanted it is mask 0 if that is stable, else the one of
 * masks 1 to 3 with the highest predicted IoU. Where several are wanted they are masks 1 to 3.
 *
 * All four are there: beside the upscaling, which they share, another mask costs a hundredth of a click.
 * @param masks [B,4,256,256]. @param iou [B,4]. @param multimask [1]
 * @returns [B,M,256,256] and [B,M]
 */
export function wantedMasks(
  g: Graph,
  masks: Value,
  iou: Value,
  multimask: Value<'bool'>,
): { masks: Value; iou: Value } {
  const first = g.reshape(g.slice(masks, 1, 0, 1), [-1, SIDE * SIDE]); // [B,256*256]
  const single = g.where(isStable(g, first), g.ints([0]), bestOfThree(g, iou)); // [B,1]
  const several = g.ints([1, 2, 3]);
  const shape = g.concat([g.shape(iou, 0, 1), g.ints([maskTokens - 1])], 0);
  const all = g.concat([single, g.expand(several, shape)], 1); // [B,4]
  const start = g.where(multimask, g.ints([1]), g.ints([0]));
  const end = g.where(multimask, g.ints([maskTokens]), g.ints([1]));
  const places = g.unsqueeze(g.slice(all, 1, start, end), 2); // [B,M,1]
  return { masks: g.gatherEach(masks, places), iou: g.gatherEach(iou, places) };
}

/** Whether as good as all that is above the lower threshold is above the higher: logits [B,n] -> [B,1]. */
function isStable(g: Graph, logits: Value): Value<'bool'> {
  const pixelsAbove = (threshold: number) =>
    g.reduceSum(g.where(g.greater(logits, g.constant(threshold)), g.constant(1), g.constant(0)), 1);
  const loose = pixelsAbove(-DELTA);
  const share = g.div(pixelsAbove(DELTA), loose);
  // A mask of nothing is as firm as can be.
  const stability = g.where(g.greater(loose, g.constant(0)), share, g.constant(1));
  return g.greaterOrEqual(stability, g.constant(FIRM_ENOUGH));
}

/** [B,4] -> [B,1], 1 to 3 */
function bestOfThree(g: Graph, iou: Value): Value<'int64'> {
  const handicap = { shape: [1, maskTokens], data: Float32Array.of(OUT_OF_REACH, 0, 0, 0) };
  return g.argMax(g.sub(iou, g.sharedTensor('handicap of mask 0', handicap)), 1);
}
