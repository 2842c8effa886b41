import { createHash } from 'node:crypto';
import { type ImageSize, preprocessShape } from '../core/image.js';
import type { Box } from '../core/prompt.js';
import { DECODER } from '../sam/architecture.js';
import { noisyBox } from '../train/simulated-prompts.js';

/**
 * A box as a hasty user draws it: `noisyBox`, in the frame whose longer side is 1024, whatever the model's own is, so that
 * all models are asked the same.
 * @param box in pixels of the image. @param id of the object. @returns in pixels of the image.
 */
export function hastyBox(box: Box, image: ImageSize, seed: number, id: string): Box {
  const frame = preprocessShape(image, DECODER.imageSize);
  const [x, y] = [frame.width / image.width, frame.height / image.height];
  const scaled = [box[0] * x, box[1] * y, box[2] * x, box[3] * y] as const;
  const [x1, y1, x2, y2] = noisyBox(scaled, normals(`${seed}:${id}`), frame);
  // What is at the frame's edge is at the image's: no rounding leads out of it.
  const within = (at: number, side: number) => Math.min(side, at);
  return [
    within(x1 / x, image.width),
    within(y1 / y, image.height),
    within(x2 / x, image.width),
    within(y2 / y, image.height),
  ];
}

/**
 * Four draws from the normal distribution for a text: its SHA-256 as eight numbers n of 32 bits, big-endian, each
 * u = (n + 1/2) / 2^32, and of each two in turn √(-2 ln u) cos(2π u') (Box and Muller, 1958).
 */
export function normals(text: string): number[] {
  const digest = createHash('sha256').update(text).digest();
  const uniform = (i: number) => (digest.readUInt32BE(4 * i) + 0.5) / 2 ** 32;
  return [0, 2, 4, 6].map(
    (i) => Math.sqrt(-2 * Math.log(uniform(i))) * Math.cos(2 * Math.PI * uniform(i + 1)),
  );
}
