import type { Box } from '../core/prompt.js';

/**
 * Non-maximum suppression as torchvision's `nms`: from the best on, each box that is kept puts out those whose IoU
 * with it is above `threshold`. Equal scores keep their order.
 * @param boxes x1, y1, x2, y2.
 * @returns places of the boxes that are kept, best first.
 */
export function boxNms(
  boxes: readonly Box[],
  scores: readonly number[],
  threshold: number,
): number[] {
  const order = [...boxes.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number));
  const kept: number[] = [];
  for (const i of order) {
    const box = boxes[i] as Box;
    if (!kept.some((k) => iou(boxes[k] as Box, box) > threshold)) kept.push(i);
  }
  return kept;
}

/** NaN, which is above nothing, for two boxes without area. */
function iou(a: Box, b: Box): number {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const both = width * height;
  return both / (area(a) + area(b) - both);
}

export function area([x1, y1, x2, y2]: Box): number {
  return (x2 - x1) * (y2 - y1);
}
