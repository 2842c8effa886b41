import type { Mask } from './openapi.js';

/** COCO's uncompressed RLE: runs column by column, background first. */
export interface RunLengths {
  readonly size: readonly [height: number, width: number];
  readonly counts: readonly number[];
}

/** A mask of `predict`, the same whether it was decoded here or on the server. */
export interface DecodedMask
  extends Pick<Mask, 'predicted_iou' | 'stability_score' | 'bbox' | 'area'> {
  readonly segmentation: RunLengths;
  /** [256,256], a `mask_input` of the next prompt; without them where they were not asked for. */
  readonly low_res_logits?: Float32Array;
}

/**
 * The pixels of a mask, row by row.
 * @returns [height,width] of 0 and 1
 */
export function bitmapOf({ size: [height, width], counts }: RunLengths): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(width * height);
  let at = 0;
  for (const [i, count] of counts.entries()) {
    const end = at + count;
    if (i % 2) {
      for (; at < end; at++) pixels[(at % height) * width + Math.floor(at / height)] = 1;
    }
    at = end;
  }
  return pixels;
}
