import type { ImageSize } from '../core/image.js';
import { LOW_RES_SIDE } from '../core/masks/low-res-mask.js';
import type { Box } from '../core/prompt.js';
import { DECODER } from '../sam/architecture.js';
import type { LowResLabel } from './low-res-label.js';

/** The deviation of a corner, as a part of the box's side, and the farthest it moves in pixels of the model's frame. */
const BOX_NOISE = 0.1;
const FARTHEST = 20;

/** A click in the model's frame: half a pixel from it is the centre of a cell. */
export interface FrameClick {
  readonly point: readonly [x: number, y: number];
  readonly label: 0 | 1;
}

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
 * A click on one of the cells that a mask has wrong, all equally likely; with no mask, one in the object.
 * @param logits [256,256] of the previous answer.
 * @param draw in 0..1, exclusive: the errors are counted row by row.
 * @returns undefined where nothing is wrong.
 */
export function trainingClick(
  { rows, cols, cells }: LowResLabel,
  logits: Float32Array | undefined,
  draw: number,
): FrameClick | undefined {
  const errors: number[] = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < cols; x++) {
      const at = y * LOW_RES_SIDE + x;
      const isMask = logits !== undefined && (logits[at] as number) > 0;
      if (isMask !== (cells[at] === 1)) errors.push(at);
    }
  }
  const chosen = errors[Math.floor(draw * errors.length)];
  if (chosen === undefined) return undefined;
  const cell = DECODER.imageSize / LOW_RES_SIDE;
  const centre = (position: number) => cell * position + cell / 2 - 0.5;
  const point = [centre(chosen % LOW_RES_SIDE), centre(Math.floor(chosen / LOW_RES_SIDE))] as const;
  return { point, label: cells[chosen] === 1 ? 1 : 0 };
}
