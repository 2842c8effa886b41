import type {
  Candidate,
  CandidatesTask,
  EverythingMask,
  RenderTask,
  SelectTask,
  Tidied,
  TidyTask,
} from '../core/everything.js';
import type { ImageSize } from '../core/image.js';
import type { Box, Point } from '../core/prompt.js';
import { area, boxNms } from './box-nms.js';
import { runsOfStrips, stripsOf } from './components.js';
import { extentOf } from './extent.js';
import { encodeMask } from './formats.js';
import { cutMask, runsBetween } from './postprocess.js';
import { compress, decompress } from './rle.js';
import { removeSmallRegions } from './small-regions.js';

/** How near to a crop's edge, in pixels, a box counts as cut off. */
const EDGE = 20;

/**
 * The second half of `SamAutomaticMaskGenerator._process_batch`, for one mask: stability, threshold, box, crop.
 * @param logits [256,256] of the crop. @param point that was asked. @param imageSize side of the model's square.
 * @returns undefined when the mask is dropped.
 */
export function candidateOf(
  logits: Float32Array,
  predictedIou: number,
  point: Point,
  { embedding, image, crop, parameters }: CandidatesTask,
  imageSize: number,
): Candidate | undefined {
  const size = embedding.image;
  const { stability_score_offset, stability_score_thresh } = parameters;
  const { turns, stabilityScore } = cutMask(logits, size, imageSize, stability_score_offset);
  if (stabilityScore < stability_score_thresh) return undefined;
  const counts = runsBetween(turns, size.width * size.height);
  const [left, top] = crop;
  const [x, y, width, height] = extentOf(counts, size.height).bbox;
  // An empty mask has the box 0, 0, 0, 0 in its crop.
  const [right, bottom] = [Math.max(x + width - 1, 0), Math.max(y + height - 1, 0)];
  const box: Box = [left + x, top + y, left + right, top + bottom];
  if (isNearCropEdge(box, crop, image)) return undefined;
  return {
    counts: compress(uncrop(counts, size, crop, image)),
    box,
    predicted_iou: predictedIou,
    stability_score: stabilityScore,
    point,
    crop,
  };
}

/** `is_box_near_crop_edge`: whether a box ends at an edge of the crop that is no edge of the image. */
function isNearCropEdge(box: Box, crop: Box, { width, height }: ImageSize): boolean {
  const whole: Box = [0, 0, width, height];
  const near = (a: number, b: number) => Math.abs(a - b) <= EDGE;
  return box.some((side, i) => near(side, crop[i] as number) && !near(side, whole[i] as number));
}

/** The runs of a crop's mask as those of the whole image's. */
function uncrop(
  counts: readonly number[],
  { width, height }: ImageSize,
  [left, top]: Box,
  image: ImageSize,
): readonly number[] {
  if (width === image.width && height === image.height) return counts;
  const strips = stripsOf(counts, height, 'inside').map(({ x, from, to }) => ({
    x: x + left,
    from: from + top,
    to: to + top,
  }));
  return runsOfStrips(strips, image.height, image.width * image.height);
}

/** NMS by predicted IoU within each crop and then, where there are several, between crops, smaller ones first. */
export function selectCandidates({ candidates, parameters }: SelectTask): number[] {
  const crops = new Map<string, number[]>();
  for (const [i, { crop }] of candidates.entries()) {
    const members = crops.get(crop.join()) ?? [];
    if (members.push(i) === 1) crops.set(crop.join(), members);
  }
  const suppress = (
    members: readonly number[],
    score: (candidate: SelectTask['candidates'][number]) => number,
    threshold: number,
  ) => {
    const chosen = members.map((i) => candidates[i] as SelectTask['candidates'][number]);
    const boxes = chosen.map(({ box }) => box);
    return boxNms(boxes, chosen.map(score), threshold).map((k) => members[k] as number);
  };
  const within = [...crops.values()].flatMap((members) =>
    suppress(members, (candidate) => candidate.predicted_iou, parameters.box_nms_thresh),
  );
  if (parameters.crop_n_layers === 0) return within;
  return suppress(within, ({ crop }) => 1 / area(crop), parameters.crop_nms_thresh);
}

/** `postprocess_small_regions`: masks that had none are preferred to those that have changed. */
export function tidyMasks({ counts, image, parameters }: TidyTask): Tidied {
  const { min_mask_region_area, box_nms_thresh, crop_nms_thresh } = parameters;
  const cleaned = counts.map((text) =>
    removeSmallRegions(decompress(text), image.height, min_mask_region_area),
  );
  const boxes = cleaned.map(({ counts }): Box => {
    const [x, y, width, height] = extentOf(counts, image.height).bbox;
    return [x, y, Math.max(x + width - 1, 0), Math.max(y + height - 1, 0)];
  });
  const scores = cleaned.map(({ changed }) => (changed ? 0 : 1));
  const kept = boxNms(boxes, scores, Math.max(box_nms_thresh, crop_nms_thresh));
  return kept.map((index) => ({ index, counts: compress(cleaned[index]?.counts ?? []) }));
}

/** Candidates in the form of the answer. */
export function renderCandidates(task: RenderTask): Promise<EverythingMask[]> {
  return Promise.all(task.candidates.map((candidate) => renderCandidate(candidate, task)));
}

async function renderCandidate(
  { counts: text, predicted_iou, stability_score, point, crop }: Candidate,
  { image, options }: RenderTask,
): Promise<EverythingMask> {
  const counts = decompress(text);
  const [x1, y1, x2, y2] = crop;
  const properties = {
    ...extentOf(counts, image.height),
    predicted_iou,
    stability_score,
    point_coords: [point],
    crop_box: [x1, y1, x2 - x1, y2 - y1] as const,
  };
  const segmentation = await encodeMask({ counts, image, options, properties });
  return { segmentation, ...properties };
}
