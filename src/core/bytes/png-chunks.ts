import { SamError } from '../errors.js';

const SIGNATURE_BYTES = 8;
/** Length, type and checksum, around the data of each chunk. */
const FRAME_BYTES = 12;

/** Of those that are left out; photographs have some ten. */
const MAX_LEFT_OUT = 10_000;

/** What pixels and their orientation come from. Text, profiles and the like change nothing, and may unpack to gigabytes. */
const NEEDED = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'eXIf', 'IEND'].map(codeOf));
const END = codeOf('IEND');
const EXIF = codeOf('eXIf');

/**
 * A PNG without the chunks that say nothing of its pixels. Chunks are not looked into: what is kept of a
 * file that is cut off or damaged stays so.
 * @param file that begins with PNG's signature.
 * @returns the file itself when there is nothing to leave out.
 * @throws SamError `image-unreadable` when there is more to leave out than any honest file has
 */
export function neededChunks(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const kept = new Uint8Array(file.length);
  kept.set(file.subarray(0, SIGNATURE_BYTES));
  let length = SIGNATURE_BYTES;
  let at = SIGNATURE_BYTES;
  let leftOut = 0;
  for (let exif = 0, ended = false; !ended && at < file.length; ) {
    const whole = at + FRAME_BYTES <= file.length;
    const type = whole ? view.getUint32(at + 4) : END;
    const end = whole ? at + FRAME_BYTES + view.getUint32(at) : file.length;
    if (type === EXIF) exif++;
    if (NEEDED.has(type) && (type !== EXIF || exif === 1)) {
      kept.set(file.subarray(at, end), length);
      length += Math.min(end, file.length) - at;
    } else if (++leftOut > MAX_LEFT_OUT) {
      const message = `the PNG has more than the ${MAX_LEFT_OUT} chunks beside its pixels that are read past`;
      throw new SamError('image-unreadable', message);
    }
    ended = type === END;
    at = end;
  }
  return length === file.length ? file : kept.subarray(0, length);
}

function codeOf(type: string): number {
  return [...type].reduce((code, letter) => code * 256 + letter.charCodeAt(0), 0);
}
