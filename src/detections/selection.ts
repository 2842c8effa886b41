import type { Detection, DetectionLimits } from '../core/find/detection.js';
import type { Proposal } from '../core/find/find.js';
import type { ImageSize } from '../core/image.js';
import type { Box } from '../core/prompt.js';
import { boxNms } from '../masks/box-nms.js';
import { classLogits, sigmoid } from './class-logits.js';
import type { Features } from './features.js';

/** Where the detector saw the image. */
export interface Frame {
  readonly image: ImageSize;
  /** At the upper left of a square, or stretched to one. */
  readonly isPadded: boolean;
}

/**
 * The objects that queries find, the best first: of each patch its best query, if its score is above the threshold, in
 * the part of its box that is inside the image; of boxes that overlap the best, whatever their labels; and of those no more
 * than asked for. Equal scores go by patch.
 * @param isWanted says of a box whether it is one of those that are asked for.
 */
export function selectDetections(
  features: Features,
  queries: readonly Float32Array[],
  frame: Frame,
  limits: DetectionLimits,
  isWanted: (box: Box) => boolean = () => true,
): Detection[] {
  const found = answering(features, queries, frame, limits.threshold);
  return suppressed(
    found.filter(({ box }) => isWanted(box)),
    limits,
  );
}

/** Of each patch its best query, if its score is above the threshold, in the part of its box that is inside the image. */
export function answering(
  features: Features,
  queries: readonly Float32Array[],
  frame: Frame,
  threshold: number,
): Detection[] {
  return bestQueries(features, queries)
    .filter(({ score }) => score > threshold)
    .flatMap((each) => inside(features, frame, each));
}

/**
 * The boxes that most likely hold anything, the best first: chosen as detections are, by objectness.
 * @returns undefined where the detector tells nothing of the kind.
 */
export function selectProposals(
  features: Features,
  frame: Frame,
  limits: Pick<DetectionLimits, 'nms' | 'most'>,
): Proposal[] | undefined {
  const all = Array.from({ length: features.patches }, (_, patch) => ({
    patch,
    score: sigmoid(features.objectness(patch)),
  }));
  if (all.some(({ score }) => Number.isNaN(score))) return undefined;
  const found = all.flatMap((each) => inside(features, frame, each));
  return suppressed(found, limits).map(({ box, score }) => ({ box, objectness: score }));
}

/** For each patch the query that it answers best; of equals the first. */
function bestQueries(features: Features, queries: readonly Float32Array[]) {
  const logits = classLogits(features, queries);
  return Array.from({ length: features.patches }, (_, patch) => {
    let label = 0;
    for (let query = 1; query < logits.length; query++) {
      if (logitAt(logits, query, patch) > logitAt(logits, label, patch)) label = query;
    }
    return { patch, label, score: sigmoid(logitAt(logits, label, patch)) };
  });
}

function logitAt(logits: readonly Float32Array[], query: number, patch: number): number {
  return logits[query]?.[patch] ?? Number.NEGATIVE_INFINITY;
}

/** With the part of its box that is inside the image, if there is one. */
function inside<T extends { readonly patch: number }>(
  features: Features,
  { image, isPadded }: Frame,
  each: T,
): (T & { box: Box })[] {
  const [x1, y1, x2, y2] = features.box(each.patch, image, isPadded);
  const box = [
    Math.max(0, x1),
    Math.max(0, y1),
    Math.min(image.width, x2),
    Math.min(image.height, y2),
  ] as const;
  return box[0] < box[2] && box[1] < box[3] ? [{ ...each, box }] : [];
}

/** The best first, without those that overlap a better one. Equal scores keep their order. */
function suppressed<T extends { readonly score: number; readonly box: Box }>(
  found: readonly T[],
  { nms, most }: Pick<DetectionLimits, 'nms' | 'most'>,
): T[] {
  const { kept } = boxNms({
    boxes: Float64Array.from(found.flatMap(({ box }) => box)),
    scores: Float64Array.from(found, ({ score }) => score),
    groups: new Int32Array(found.length),
    threshold: nms,
    most,
    from: 0,
    kept: [],
  });
  return kept.map((i) => found[i] as T);
}
