import type { RunLengths } from '../core/masks/run-lengths.js';

/** Pixels of one column and one kind: rows `from` up to `to`. */
export interface Strip {
  readonly x: number;
  readonly from: number;
  readonly to: number;
}

/** Strips in the order of run lengths, and for each the number of the component it belongs to. */
export interface Components {
  readonly strips: readonly Strip[];
  readonly labels: Int32Array;
}

/**
 * Connected components of the pixels inside a mask, or of those outside.
 * @param height of the image.
 * @param connectivity 4 joins pixels that share a side, 8 those that share a corner too.
 */
export function connectedComponents(
  counts: RunLengths,
  height: number,
  side: 'inside' | 'outside',
  connectivity: 4 | 8,
): Components {
  const strips = stripsOf(counts, height, side);
  const parents = Int32Array.from(strips.keys());
  // Corners touch where one strip ends on the row on which the other begins.
  const reach = connectivity === 8 ? 1 : 0;
  let left = 0;
  for (const [i, strip] of strips.entries()) {
    // Strips of the column before that end above this one are above all that follow, too.
    for (; left < i; left++) {
      const { x, to } = strips[left] as Strip;
      if (x === strip.x - 1 ? to + reach > strip.from : x === strip.x) break;
    }
    for (let j = left; j < i; j++) {
      const { x, from } = strips[j] as Strip;
      if (x === strip.x || from >= strip.to + reach) break;
      parents[rootOf(parents, i)] = rootOf(parents, j);
    }
  }
  return { strips, labels: parents.map((_, i) => rootOf(parents, i)) };
}

/** The runs of one kind, cut where they go on in the next column. */
export function stripsOf(counts: RunLengths, height: number, side: 'inside' | 'outside'): Strip[] {
  const strips: Strip[] = [];
  const parity = side === 'inside' ? 1 : 0;
  let start = 0;
  for (const [i, count] of counts.entries()) {
    const end = start + count;
    for (let at = start; i % 2 === parity && at < end; ) {
      const x = Math.floor(at / height);
      const next = Math.min(end, (x + 1) * height);
      strips.push({ x, from: at - x * height, to: next - x * height });
      at = next;
    }
    start = end;
  }
  return strips;
}

/** Run lengths of the mask that consists of these strips, in whatever order. @param pixels of the image. */
export function runsOfStrips(strips: readonly Strip[], height: number, pixels: number): number[] {
  const spans = strips
    .map(({ x, from, to }) => ({ start: x * height + from, length: to - from }))
    .sort((a, b) => a.start - b.start);
  const counts: number[] = [];
  let end = 0;
  for (const { start, length } of spans) {
    if (start === end && counts.length > 0) counts.push((counts.pop() as number) + length);
    else counts.push(start - end, length);
    end = start + length;
  }
  if (end < pixels) counts.push(pixels - end);
  return counts;
}

/** Finds the component's first strip, and shortens the way there. */
function rootOf(parents: Int32Array, i: number): number {
  let root = i;
  while (parents[root] !== root) root = parents[root] as number;
  for (let at = i; at !== root; ) {
    const next = parents[at] as number;
    parents[at] = root;
    at = next;
  }
  return root;
}
