import type { Frame } from '../core/frame.js';
import type { ImageSize } from '../core/image.js';
import type { MaskScores } from '../core/mask.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import type { MaskOptions } from '../core/ports.js';
import { extentOf } from './extent.js';
import { maskBytes } from './mask-bytes.js';
import { type BinaryMask, postprocessMask } from './postprocess.js';
import { removeSmallRegions } from './small-regions.js';

/** A mask at its image's size, and what is said of it. */
export interface MeasuredMask {
  readonly counts: RunLengths;
  readonly scores: MaskScores;
  /** What it takes in an answer at most, beside its logits. */
  readonly bytes: number;
}

/**
 * One of the decoder's masks, at the size of its image.
 * @param logits [256,256]
 * @param predictedIou the decoder's own estimate.
 * @param image size of the oriented image.
 * @param frame the square that the model sees.
 */
export function measureMask(
  logits: Float32Array,
  predictedIou: number,
  image: ImageSize,
  frame: Frame,
  { minArea, format }: Pick<MaskOptions, 'minArea' | 'format'>,
): MeasuredMask {
  const mask = clean(postprocessMask(logits, image, frame), image, minArea);
  const { counts, stabilityScore: stability_score, bbox, area } = mask;
  return {
    counts,
    scores: { predicted_iou: predictedIou, stability_score, bbox, area },
    bytes: maskBytes(format, counts, mask, image),
  };
}

function clean(mask: BinaryMask, { height }: ImageSize, minArea: number): BinaryMask {
  if (minArea === 0) return mask;
  const { counts, changed } = removeSmallRegions(mask.counts, height, minArea);
  return changed ? { ...mask, counts, ...extentOf(counts, height) } : mask;
}
