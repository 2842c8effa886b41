import { createHash } from 'node:crypto';
import { type ImageSize, preprocessShape } from '../core/image.js';
import type { Box } from '../core/prompt.js';
import { DECODER } from '../sam/architecture.js';

/** The deviation of a corner, as a part of the box's side, and the farthest it moves in pixels of the model's frame. */
const BOX_NOISE = 0.1;
const FARTHEST = 20;

/**
 * A box as a hasty user draws it (Kirillov et al., 2023, appendix A).
 * @param box in the model's frame.
 * @param normals a draw from the normal distribution for each coordinate.
 * @param frame the resized image's size, beyond which the box does not reach.
 */
export function noisyBox(box: Box, normals: readonly number[], frame: ImageSize): Box {
  const [x1, y1, x2, y2] = box;
  const sides = [x2 - x1, y2 - y1] as const;
  const limits = [frame.width, frame.height] as const;
  const moved = box.map((coordinate, i) => {
    const noise = BOX_NOISE * (sides[i % 2] as number) * (normals[i] as number);
    const at = coordinate + Math.min(FARTHEST, Math.max(-FARTHEST, noise));
    return Math.min(limits[i % 2] as number, Math.max(0, at));
  }) as [number, number, number, number];
  const [a, b, c, d] = moved;
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

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
