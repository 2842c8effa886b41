import type { Resize } from './family.js';
import { type ImageSize, preprocessShape } from './image.js';

/** The square a model sees images in. */
export interface Frame {
  /** Its side, in pixels. */
  readonly side: number;
  /** How images get into it. */
  readonly resize: Resize;
}

/** The size that an image has inside of the square, in pixels; what is left of it at the right and below is padding. */
export function sizeInFrame(image: ImageSize, { side, resize }: Frame): ImageSize {
  return resize === 'stretch' ? { width: side, height: side } : preprocessShape(image, side);
}
