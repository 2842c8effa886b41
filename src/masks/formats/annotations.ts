import type { ImageSize } from '../../core/image.js';
import type { LabelmeShape, Ring } from '../../core/mask.js';

/** Digits behind the point of a share of the image's side: thousandths of a pixel, or hundredths of the largest. */
const DIGITS = 6;

/**
 * Rings as lines of a YOLO label file for segmentation: the class, which is 0, and the corners as shares of the image's
 * width and height. A mask of several parts has a line for each.
 */
export function toYolo(rings: readonly Ring[], { width, height }: ImageSize): string {
  const line = (ring: Ring) =>
    ring.map((value, i) => Number((value / (i % 2 ? height : width)).toFixed(DIGITS))).join(' ');
  return rings.map((ring) => `0 ${line(ring)}\n`).join('');
}

/** Rings as the `shapes` of a labelme file. Those of one mask are one group. */
export function toLabelme(rings: readonly Ring[]): LabelmeShape[] {
  return rings.map((ring) => ({
    label: 'object',
    points: Array.from({ length: ring.length / 2 }, (_, i) => [
      ring[2 * i] as number,
      ring[2 * i + 1] as number,
    ]),
    group_id: 1,
    shape_type: 'polygon',
    flags: {},
  }));
}
