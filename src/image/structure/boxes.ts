/**
 * The contents of all boxes at this path of an ISO base media file, as [start, end).
 * @throws RangeError where the file is cut off
 */
export function* boxes(
  view: DataView,
  [type, ...rest]: readonly string[],
  from: number,
  to: number,
): Generator<[start: number, end: number]> {
  for (let at = from; at + 8 <= to; ) {
    const size = view.getUint32(at);
    // 1 announces a 64-bit size, which only pixels need, and they come after; 0 reaches to the end.
    const end = size === 0 ? to : at + size;
    if (size === 1 || end < at + 8 || end > to) return;
    if (fourLetters(view, at + 4) === type) {
      // `meta` is a full box: version and flags precede what it holds.
      if (rest.length > 0) yield* boxes(view, rest, at + (type === 'meta' ? 12 : 8), end);
      else yield [at + 8, end];
    }
    at = end;
  }
}

/** Four bytes as text. @throws RangeError past the end */
export function fourLetters(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
}
