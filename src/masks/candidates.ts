import type {
  Candidate,
  CandidatesTask,
  EverythingMask,
  RenderTask,
  Seed,
  Tidied,
  TidyTask,
} from '../core/everything.js';
import type { Frame } from '../core/frame.js';
import type { ImageSize } from '../core/image.js';
import type { MaskScores } from '../core/mask.js';
import { type MaskName, named } from '../core/masks/mask-name.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import type { Box } from '../core/prompt.js';
import { runsOfStrips, stripsOf } from './components.js';
import { extentOf } from './extent.js';
import { encodeMask } from './formats/formats.js';
import { compress, decompress } from './formats/rle.js';
import { maskBytes } from './mask-bytes.js';
import { cutMask, runsBetween } from './postprocess.js';
import { removeSmallRegions } from './small-regions.js';

/** How near to a crop's edge, in pixels, a box counts as cut off. */
const EDGE = 20;

/**
 * The second half of `SamAutomaticMaskGenerator._process_batch`, for one mask: stability, threshold, box, crop.
 * @param logits [256,256] of the crop. @param seed that was asked. @param frame the square that the model sees.
 * @returns undefined when the mask is dropped.
 */
export function candidateOf(
  logits: Float32Array,
  predictedIou: number,
  seed: Seed,
  { embedding, image, crop, parameters, format }: CandidatesTask,
  frame: Frame,
): Candidate | undefined {
  const size = embedding.image;
  const { stability_score_offset, stability_score_thresh } = parameters;
  const { turns, stabilityScore } = cutMask(logits, size, frame, stability_score_offset);
  if (stabilityScore < stability_score_thresh) return undefined;
  const counts = runsBetween(turns, size.width * size.height);
  const [left, top] = crop;
  const extent = extentOf(counts, size.height);
  const [x, y, width, height] = extent.bbox;
  // An empty mask has the box 0, 0, 0, 0 in its crop.
  const [right, bottom] = [Math.max(x + width - 1, 0), Math.max(y + height - 1, 0)];
  const box: Box = [left + x, top + y, left + right, top + bottom];
  if (isNearCropEdge(box, crop, image)) return undefined;
  const whole = uncrop(counts, size, crop, image);
  return {
    counts: compress(whole),
    bytes: maskBytes(format, whole, extent, image),
    box,
    predicted_iou: predictedIou,
    stability_score: stabilityScore,
    seed,
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
  counts: RunLengths,
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

/** The first half of `postprocess_small_regions`, for one mask. */
export function tidyMask(
  text: string,
  { image, minArea, format }: Omit<TidyTask, 'counts'>,
): Tidied {
  const { height } = image;
  const { counts, changed } = removeSmallRegions(decompress(text), height, minArea);
  const extent = extentOf(counts, height);
  const [x, y, width, boxHeight] = extent.bbox;
  return {
    counts: compress(counts),
    bytes: maskBytes(format, counts, extent, image),
    box: [x, y, Math.max(x + width - 1, 0), Math.max(y + boxHeight - 1, 0)],
    changed,
  };
}

/** A candidate in the form of the answer. @param nameFor says what it is called, where masks have names. */
export async function renderCandidate(
  { counts: text, predicted_iou, stability_score, seed, crop }: Candidate,
  { image, options }: Pick<RenderTask, 'image' | 'options'>,
  nameFor: (mask: Pick<MaskScores, 'bbox'>) => MaskName | undefined = () => undefined,
): Promise<EverythingMask> {
  const counts = decompress(text);
  const [x1, y1, x2, y2] = crop;
  const properties = {
    ...extentOf(counts, image.height),
    predicted_iou,
    stability_score,
    ...('box' in seed ? { point_coords: [], ...seed } : { point_coords: [seed.point] }),
    crop_box: [x1, y1, x2 - x1, y2 - y1] as const,
  };
  const segmentation = await encodeMask({ counts, image, options, properties });
  const name = nameFor(properties);
  if (!name) return { segmentation, ...properties };
  const { place: _, ...told } = name;
  return { segmentation: named(segmentation, name), ...properties, ...told };
}
