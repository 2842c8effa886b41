import type { LowResLogits } from './prompt.js';

/** COCO's compressed run-length encoding: `size` is [height, width]. */
export interface Rle {
  readonly size: readonly [height: number, width: number];
  readonly counts: string;
}

/** COCO's uncompressed form: run lengths in column-major order, background first. */
export interface UncompressedRle {
  readonly size: readonly [height: number, width: number];
  readonly counts: readonly number[];
}

/** A one-channel PNG of the image's size, 255 inside the mask, in base64. */
export interface PngMask {
  readonly size: readonly [height: number, width: number];
  readonly png: string;
}

export const MASK_FORMATS = ['rle', 'uncompressed_rle', 'png'] as const;
export type MaskFormat = (typeof MASK_FORMATS)[number];

/** A mask as it is answered; the words are those of `SamAutomaticMaskGenerator`. */
export interface Mask {
  readonly segmentation: Rle | UncompressedRle | PngMask;
  readonly predicted_iou: number;
  /** IoU of the mask cut one logit above the threshold with the mask cut one below. */
  readonly stability_score: number;
  /** x, y, width, height of the smallest box around the mask's pixels; zeros when the mask is empty. */
  readonly bbox: readonly [x: number, y: number, width: number, height: number];
  /** Number of pixels inside. */
  readonly area: number;
  readonly low_res_logits?: LowResLogits;
}

/** The masks of one prompt, best predicted IoU first. */
export interface PromptResult {
  readonly masks: readonly Mask[];
}
