import type { RunLengths } from '../core/masks/run-lengths.js';

/** Intersection over union of two masks of the same image; 1 where both are empty. */
export function iouOfMasks(a: RunLengths, b: RunLengths): number {
  let [both, either] = [0, 0];
  let [i, j] = [0, 0];
  let [left, right] = [a[0] ?? 0, b[0] ?? 0];
  while (i < a.length && j < b.length) {
    const step = Math.min(left, right);
    if (i % 2 === 1 && j % 2 === 1) both += step;
    if (i % 2 === 1 || j % 2 === 1) either += step;
    left -= step;
    right -= step;
    if (left === 0) left = a[++i] ?? 0;
    if (right === 0) right = b[++j] ?? 0;
  }
  return either === 0 ? 1 : both / either;
}
