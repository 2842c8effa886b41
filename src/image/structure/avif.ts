import { SamError } from '../../core/errors.js';

/** A 50-megapixel photograph in tiles has some hundreds. */
const MAX_BOXES = 10_000;
/** The boxes that hold boxes, and the bytes before the first. */
const CONTAINERS: Readonly<Record<string, number>> = {
  meta: 4,
  iprp: 0,
  ipco: 0,
  iinf: 6,
  iref: 4,
  moov: 0,
  trak: 0,
  mdia: 0,
  minf: 0,
  stbl: 0,
};

/**
 * Counts the boxes of an AVIF file, each of which the library keeps.
 * @throws SamError `image-unreadable` when there are more than are read
 */
export function checkBoxes(file: Uint8Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let boxes = 0;
  const open: [at: number, end: number][] = [[0, file.length]];
  for (let part = open.pop(); part; part = open.pop()) {
    let [at, end] = part;
    while (at + 8 <= end) {
      if (++boxes > MAX_BOXES) {
        const message = `the AVIF has more than the ${MAX_BOXES} boxes that are read`;
        throw new SamError('image-unreadable', message);
      }
      const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
      const size = view.getUint32(at);
      // 1 announces a 64-bit size, 0 reaches to the end.
      const large = size === 1 && at + 16 <= end ? Number(view.getBigUint64(at + 8)) : size;
      const next = size === 0 ? end : Math.min(end, at + Math.max(8, large));
      const skip = CONTAINERS[type];
      if (skip !== undefined) open.push([at + 8 + skip, next]);
      at = next;
    }
  }
}
