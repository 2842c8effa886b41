import { SamError } from '../../core/errors.js';

/** Each scan of a progressive file goes over all its pixels; an encoder writes some ten. */
const MAX_SCANS = 100;
/** Of segments that are left out; photographs have some ten, and a profile of colours 255 at most. */
const MAX_LEFT_OUT = 10_000;
const SOI = 0xd8;
const EOI = 0xd9;
export const SOS = 0xda;
const COM = 0xfe;

/** The application segments that pixels and their orientation come from, by marker, and how each begins. */
const NEEDED = new Map([
  [0xe0, 'JFIF\0'],
  [0xe1, 'Exif\0'],
  [0xee, 'Adobe'],
]);

/**
 * A JPEG file without comments, thumbnails, and all that applications keep in it, and without what follows its end.
 * @param file that begins with JPEG's first marker.
 * @throws SamError `image-unreadable` when it has more scans or other segments than any honest file
 */
export function neededSegments(file: Uint8Array): Uint8Array {
  const kept = new Uint8Array(file.length);
  const seen = new Set<number>();
  let length = 0;
  let scans = 0;
  let leftOut = 0;
  const isNeeded = ({ marker, from }: Segment) => {
    if (marker === COM) return false;
    if (marker < 0xe0 || marker > 0xef) return true;
    const start = NEEDED.get(marker);
    if (!start || seen.has(marker) || !begins(file, from + 4, start)) return false;
    seen.add(marker);
    return true;
  };
  for (const segment of segments(file)) {
    const { marker, from, to } = segment;
    if (marker === SOS) scans++;
    if (isNeeded(segment)) {
      kept.set(file.subarray(from, to), length);
      length += to - from;
    } else if (++leftOut > MAX_LEFT_OUT) {
      const message = `the JPEG has more than the ${MAX_LEFT_OUT} segments beside its pixels that are read past`;
      throw new SamError('image-unreadable', message);
    }
  }
  if (scans > MAX_SCANS) {
    const message = `the JPEG has ${scans} scans, more than the ${MAX_SCANS} that are decoded`;
    throw new SamError('image-unreadable', message);
  }
  return length === file.length ? file : kept.subarray(0, length);
}

/** A marker and all that follows up to the next, as [from, to). */
export interface Segment {
  readonly marker: number;
  readonly from: number;
  readonly to: number;
}

/** The segments in their order, a scan's pixels with its marker; bytes that are in no segment belong to the one before. */
export function* segments(file: Uint8Array): Generator<Segment> {
  for (let from = 0; from < file.length; ) {
    const marker = file[from + 1] ?? EOI;
    const alone = marker === SOI || marker === EOI || marker === 0x01;
    const size = ((file[from + 2] ?? 0) << 8) | (file[from + 3] ?? 0);
    const end = from + 2 + (alone ? 0 : Math.max(2, size));
    const to = marker === EOI ? Math.min(end, file.length) : nextMarker(file, end);
    yield { marker, from, to };
    if (marker === EOI) return;
    from = to;
  }
}

/** Where the next marker stands: 0xff, with neither zero, which makes it a pixel's byte, nor a restart behind it. */
function nextMarker(file: Uint8Array, start: number): number {
  const last = file.length - 1;
  for (let at = start; at < last; at++) {
    if (file[at] !== 0xff) continue;
    const next = file[at + 1] as number;
    if (next !== 0 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
  }
  return file.length;
}

/** Whether a text stands at a place. */
export function begins(file: Uint8Array, at: number, text: string): boolean {
  return [...text].every((letter, i) => file[at + i] === letter.charCodeAt(0));
}
