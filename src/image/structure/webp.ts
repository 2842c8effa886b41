import { SamError } from '../../core/errors.js';

const HEADER_BYTES = 12;
/** Type and length, before the data of each chunk. */
const FRAME_BYTES = 8;
/** Flags of the extended header. */
const HAS_PROFILE = 0x20;
const HAS_XMP = 0x04;

/** What an image, or the first picture of an animation, is decoded from: each once. */
const NEEDED = new Set(['VP8X', 'ANIM', 'ANMF', 'ALPH', 'VP8 ', 'VP8L', 'EXIF']);

/**
 * A WebP file with nothing but its first frame, and what that is oriented by: the library looks at every frame of an
 * animation, again for each, before it decodes one.
 * @param file that begins with WebP's signature.
 * @throws SamError `image-unreadable` when it is cut off
 */
export function firstFrame(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const end = 8 + view.getUint32(4, true);
  if (end > file.length) {
    throw new SamError('image-unreadable', 'the image is damaged or incomplete');
  }
  const kept = new Uint8Array(end);
  kept.set(file.subarray(0, HEADER_BYTES));
  const seen = new Set<string>();
  let length = HEADER_BYTES;
  for (let at = HEADER_BYTES; at + FRAME_BYTES <= end; ) {
    const type = String.fromCharCode(...file.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    // Chunks begin at even places.
    const next = Math.min(end, at + FRAME_BYTES + size + (size % 2));
    if (NEEDED.has(type) && !seen.has(type)) {
      seen.add(type);
      kept.set(file.subarray(at, next), length);
      if (type === 'VP8X') {
        const flags = kept[length + FRAME_BYTES] as number;
        kept[length + FRAME_BYTES] = flags & ~(HAS_PROFILE | HAS_XMP);
      }
      length += next - at;
    }
    at = next;
  }
  new DataView(kept.buffer).setUint32(4, length - 8, true);
  return kept.subarray(0, length);
}
