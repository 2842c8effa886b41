import type { ImageSize } from '../core/image.js';
import type { Mask } from '../core/mask.js';
import type { MaskOptions } from '../core/ports.js';
import { extentOf } from './extent.js';
import { encodeMask } from './formats.js';
import { encodeLogits } from './logits.js';
import { type BinaryMask, postprocessMask } from './postprocess.js';
import { removeSmallRegions } from './small-regions.js';

/**
 * One of the decoder's masks, as it is answered.
 * @param logits [256,256]
 * @param predictedIou the decoder's own estimate.
 * @param image size of the oriented image.
 * @param imageSize side of the model's square, in pixels.
 */
export async function makeMask(
  logits: Float32Array,
  predictedIou: number,
  image: ImageSize,
  imageSize: number,
  options: MaskOptions,
): Promise<Mask> {
  const mask = clean(postprocessMask(logits, image, imageSize), image, options.minArea);
  const properties = {
    predicted_iou: predictedIou,
    stability_score: mask.stabilityScore,
    bbox: mask.bbox,
    area: mask.area,
  };
  const { counts } = mask;
  return {
    segmentation: await encodeMask({ counts, image, logits, options, properties }),
    ...properties,
    ...(options.returnLogits && { low_res_logits: encodeLogits(logits, options.logitsDtype) }),
  };
}

function clean(mask: BinaryMask, { height }: ImageSize, minArea: number): BinaryMask {
  if (minArea === 0) return mask;
  const { counts, changed } = removeSmallRegions(mask.counts, height, minArea);
  return changed ? { ...mask, counts, ...extentOf(counts, height) } : mask;
}
