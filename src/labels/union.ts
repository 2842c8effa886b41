import type { RunLengths } from '../core/masks/run-lengths.js';

/** What is in one mask or in the other. @param a and `b` of images of the same size. */
export function unionOf(a: RunLengths, b: RunLengths): number[] {
  const union: number[] = [];
  let [i, j] = [0, 0];
  let [left, right] = [a[0] ?? 0, b[0] ?? 0];
  while (i < a.length && j < b.length) {
    const step = Math.min(left, right);
    const inside = i % 2 === 1 || j % 2 === 1;
    if (step > 0) {
      // Every other run is inside: one of the other kind goes on, or begins the list with none of it.
      if (union.length === 0 && inside) union.push(0);
      if ((union.length % 2 === 0) === inside)
        union[union.length - 1] = (union.at(-1) as number) + step;
      else union.push(step);
    }
    left -= step;
    right -= step;
    if (left === 0) left = a[++i] ?? 0;
    if (right === 0) right = b[++j] ?? 0;
  }
  return union;
}
