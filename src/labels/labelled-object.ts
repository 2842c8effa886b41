import type { ImageSize } from '../core/image.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import type { Box } from '../core/prompt.js';

/** An object that somebody has marked in an image. */
export interface LabelledObject extends ImageSize {
  /** Of the annotation, or the mask's path: no other object of the data has it. */
  readonly id: string;
  /** Path of the image's file, whose size after EXIF orientation is to be `width` x `height`. */
  readonly image: string;
  readonly category?: string;
  /** Square pixels as the annotation has them, by which COCO tells sizes apart; without them, `pixels`. */
  readonly area: number;
  /** Pixels of the mask: two at least. */
  readonly pixels: number;
  /** The edges of the smallest box around them, x1 y1 x2 y2: a mask of one pixel in the corner has 0 0 1 1. */
  readonly box: Box;
  /** The mask, made anew by each call. */
  mask(): RunLengths;
}
