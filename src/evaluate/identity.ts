import { createHash } from 'node:crypto';
import { compress } from '../masks/formats/rle.js';
import type { LabelledImage } from './evaluation.js';

/** SHA-256 of all that is asked for: names of images and objects, sizes and masks, in their order. */
export function digestOf(images: readonly LabelledImage[]): string {
  const hash = createHash('sha256');
  for (const { name, objects } of images) {
    for (const object of objects) {
      const { id, width, height, area } = object;
      hash.update(`${JSON.stringify([name, id, width, height, area, compress(object.mask())])}\n`);
    }
  }
  return hash.digest('hex');
}
