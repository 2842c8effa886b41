import type { DecodedImage } from './decode.js';

/** What values of at most 12 bits are less than, when the upper 8 of 16 are all that is left of them. */
const FAINT = 16;

/**
 * What of an image looks as if something else was meant.
 * @returns sentences for people; none where nothing looks wrong.
 */
export function imageWarnings({ bits, data }: Pick<DecodedImage, 'bits' | 'data'>): string[] {
  if (bits === 8 || !data.every((value) => value < FAINT)) return [];
  return [
    'the image has 16 bits and uses the lowest 12 of them at most: in 8 bits it is nearly black, scale it up before it is sent',
  ];
}
