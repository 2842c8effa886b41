import type { ImageSize } from '../core/image.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import type { Box } from '../core/prompt.js';

/** Of an image at most: masks of more would not fit into memory. */
export const MOST_PIXELS = 2 ** 28;

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

/** The objects of each image together, in the order of the first of each. */
export function byImage(objects: readonly LabelledObject[]): LabelledObject[][] {
  const images = new Map<string, LabelledObject[]>();
  for (const object of objects) {
    const known = images.get(object.image);
    if (known) known.push(object);
    else images.set(object.image, [object]);
  }
  return [...images.values()];
}
