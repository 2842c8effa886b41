/** The kinds of image that are accepted. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'avif';

/**
 * What an image file is, by its first bytes; what a client declares it to be is never asked.
 * @returns undefined for anything that is not accepted.
 */
export function sniffFormat(file: Uint8Array): ImageFormat | undefined {
  if (text(file, 0, 3) === '\xff\xd8\xff') return 'jpeg';
  if (text(file, 0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (text(file, 0, 4) === 'RIFF' && text(file, 8, 12) === 'WEBP') return 'webp';
  if (text(file, 4, 8) === 'ftyp' && brands(file).some((brand) => AVIF_BRANDS.has(brand))) {
    return 'avif';
  }
  return undefined;
}

const AVIF_BRANDS = new Set(['avif', 'avis']);

/** The major and the compatible brands of an ISO base media file: four letters each, in its first box. */
function brands(file: Uint8Array): string[] {
  const declared = new DataView(file.buffer, file.byteOffset, file.length).getUint32(0);
  const end = Math.min(declared, file.length, 256);
  const found = [text(file, 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) found.push(text(file, at, at + 4));
  return found;
}

function text(file: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...file.subarray(from, to));
}
