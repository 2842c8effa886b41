import type { FindFilter } from '../core/find/find.js';
import type { Box, Point } from '../core/prompt.js';

/** Whether a box has all points that are to be inside of it and none of the others, and some of the filter's box. */
export function meets(box: Box, filter: FindFilter | undefined): boolean {
  if (!filter) return true;
  const { inside, outside, box: area } = filter;
  return (
    inside.every((point) => contains(box, point)) &&
    !outside.some((point) => contains(box, point)) &&
    (area === undefined || overlap(box, area))
  );
}

function contains([x1, y1, x2, y2]: Box, [x, y]: Point): boolean {
  return x >= x1 && x <= x2 && y >= y1 && y <= y2;
}

function overlap(a: Box, b: Box): boolean {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}
