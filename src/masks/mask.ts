import type { ImageSize } from '../core/image.js';
import type { Mask } from '../core/mask.js';
import type { MaskOptions } from '../core/ports.js';
import type { LowResLogits } from '../core/prompt.js';
import { BYTES_PER_ELEMENT, type Dtype, writeFloats } from '../core/tensor.js';
import { encodePng } from './png.js';
import { type BinaryMask, postprocessMask } from './postprocess.js';
import { compress } from './rle.js';

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
  const mask = postprocessMask(logits, image, imageSize);
  return {
    segmentation: await segmentation(mask, image, options.format),
    predicted_iou: predictedIou,
    stability_score: mask.stabilityScore,
    bbox: mask.bbox,
    area: mask.area,
    ...(options.logits && { low_res_logits: lowResLogits(logits, options.logits) }),
  };
}

async function segmentation(
  { counts }: BinaryMask,
  image: ImageSize,
  format: MaskOptions['format'],
): Promise<Mask['segmentation']> {
  const size = [image.height, image.width] as const;
  switch (format) {
    case 'rle':
      return { size, counts: compress(counts) };
    case 'uncompressed_rle':
      return { size, counts };
    case 'png':
      return { size, png: Buffer.from(await encodePng(counts, image)).toString('base64') };
  }
}

function lowResLogits(logits: Float32Array, dtype: Dtype): LowResLogits {
  const buffer = new ArrayBuffer(logits.length * BYTES_PER_ELEMENT[dtype]);
  return { dtype, data: Buffer.from(writeFloats(logits, dtype, buffer)).toString('base64') };
}
