import type { Suppressed, SuppressTask } from '../core/everything.js';

/** Boxes that are judged before the clock is looked at. */
const BETWEEN_LOOKS = 16;

/**
 * Non-maximum suppression as torchvision's `nms`, within each group: from the best on, each box that is kept puts out
 * those whose IoU with it is above `threshold`. Equal scores keep their order, groups that of their first boxes.
 * @param isOver asked now and then; where it says so, the rest is left to another call.
 */
export function boxNms(
  { boxes, scores, groups, threshold, most = Infinity, from, kept: before }: SuppressTask,
  isOver: () => boolean = () => false,
): Suppressed {
  const order = visitingOrder(scores, groups);
  // The boxes that were kept lie together, as four columns and their areas, which is all that the inner loop reads.
  const columns = new Float64Array(5 * order.length);
  const kept = [...before];
  let group = from > 0 ? groups[order[from - 1] as number] : undefined;
  let own = kept.findIndex((i) => groups[i] === group);
  if (own < 0) own = kept.length;
  let count = 0;
  const put = (i: number) => {
    for (let side = 0; side < 4; side++) columns[5 * count + side] = boxes[4 * i + side] as number;
    columns[5 * count + 4] = areaAt(boxes, i);
    count++;
  };
  for (const i of kept.slice(own)) put(i);
  for (let at = from; at < order.length && kept.length < most; at++) {
    if (at > from && (at - from) % BETWEEN_LOOKS === 0 && isOver()) return { kept, next: at };
    const i = order[at] as number;
    if (groups[i] !== group) {
      group = groups[i];
      count = 0;
    }
    if (overlapsMore(boxes, i, columns, count, threshold)) continue;
    kept.push(i);
    put(i);
  }
  return { kept, next: undefined };
}

/** Group by group, the best first. */
function visitingOrder(scores: Float64Array, groups: Int32Array): Uint32Array {
  const first = new Map<number, number>();
  for (const [i, group] of groups.entries()) if (!first.has(group)) first.set(group, i);
  const rank = Int32Array.from(groups, (group) => first.get(group) as number);
  return Uint32Array.from(scores.keys()).sort(
    (a, b) =>
      (rank[a] as number) - (rank[b] as number) ||
      (scores[b] as number) - (scores[a] as number) ||
      a - b,
  );
}

/**
 * Whether a box has an IoU above the threshold with one of `count` others. Boxes run from first to last pixels, so that
 * those of one row or column have no area. Of two such the reference gets NaN, which is above nothing, and keeps every
 * double: they are compared by the pixels they have.
 */
function overlapsMore(
  boxes: Float64Array,
  i: number,
  others: Float64Array,
  count: number,
  threshold: number,
): boolean {
  const [x1, y1] = [boxes[4 * i] as number, boxes[4 * i + 1] as number];
  const [x2, y2] = [boxes[4 * i + 2] as number, boxes[4 * i + 3] as number];
  const own = areaAt(boxes, i);
  for (let k = 0; k < 5 * count; k += 5) {
    const width = Math.min(others[k + 2] as number, x2) - Math.max(others[k] as number, x1);
    const height = Math.min(others[k + 3] as number, y2) - Math.max(others[k + 1] as number, y1);
    const both = width > 0 && height > 0 ? width * height : 0;
    const either = (others[k + 4] as number) + own - both;
    const iou = either > 0 ? both / either : iouOfLines(boxes, i, others, k);
    if (iou > threshold) return true;
  }
  return false;
}

/** IoU of the pixels of two boxes of which each has one row or one column. */
function iouOfLines(boxes: Float64Array, i: number, others: Float64Array, k: number): number {
  let [own, other, both] = [1, 1, 1];
  for (let axis = 0; axis < 2; axis++) {
    const [from, to] = [boxes[4 * i + axis] as number, boxes[4 * i + axis + 2] as number];
    const [start, end] = [others[k + axis] as number, others[k + axis + 2] as number];
    own *= to - from + 1;
    other *= end - start + 1;
    both *= Math.max(0, Math.min(to, end) - Math.max(from, start) + 1);
  }
  return both / (own + other - both);
}

function areaAt(boxes: Float64Array, i: number): number {
  const [x1, y1] = [boxes[4 * i] as number, boxes[4 * i + 1] as number];
  return ((boxes[4 * i + 2] as number) - x1) * ((boxes[4 * i + 3] as number) - y1);
}
