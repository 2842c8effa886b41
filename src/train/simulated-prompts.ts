import { LOW_RES_SIDE } from '../core/masks/low-res-mask.js';
import { CELL, type LowResLabel } from './low-res-label.js';

/** A click in the model's frame: half a pixel from it is the centre of a cell. */
export interface FrameClick {
  readonly point: readonly [x: number, y: number];
  readonly label: 0 | 1;
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
  const centre = (position: number) => CELL * position + CELL / 2 - 0.5;
  const point = [centre(chosen % LOW_RES_SIDE), centre(Math.floor(chosen / LOW_RES_SIDE))] as const;
  return { point, label: cells[chosen] === 1 ? 1 : 0 };
}
