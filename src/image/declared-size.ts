import type { ImageSize } from '../core/image.js';
import { sniffFormat } from './format.js';
import { boxes, fourLetters } from './structure/boxes.js';

/**
 * The size an image file declares, before orientation, without touching a pixel. What it declares may be
 * false: it is enough to turn a bomb away and to book memory, and decoding finds out the rest.
 * @returns undefined where the header is not understood.
 */
export function declaredSize(file: Uint8Array): ImageSize | undefined {
  const format = sniffFormat(file);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    return format && READERS[format](view);
  } catch (error) {
    // Read past the end: the file is cut off within its header.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const READERS = { jpeg: ofJpeg, png: ofPng, webp: ofWebp, avif: ofAvif };

/** IHDR is always the first chunk. */
function ofPng(view: DataView): ImageSize | undefined {
  if (fourLetters(view, 12) !== 'IHDR') return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** Bytes between the segments of a JPEG that are looked past: some cameras leave a few. */
const MAX_STRAY_BYTES = 4096;

/** The first frame header, SOF0 to SOF15, behind any number of other segments. */
function ofJpeg(view: DataView): ImageSize | undefined {
  for (let at = 2, stray = 0; at < view.byteLength; ) {
    const marker = view.getUint8(at + 1);
    // Bytes of no segment, fill bytes, and markers that stand alone.
    if (view.getUint8(at) !== 0xff || marker === 0) {
      if (++stray > MAX_STRAY_BYTES) return undefined;
      at += 1;
    } else if (marker === 0xff) at += 1;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.has(marker)) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    } else at += 2 + Math.max(2, view.getUint16(at + 2));
  }
  return undefined;
}

/** DHT, JPG and DAC lie among the frame headers. */
const NO_FRAME = new Set([0xc4, 0xc8, 0xcc]);

/** The canvas of the extended form, or the frame of the simple ones, lossy and lossless. */
function ofWebp(view: DataView): ImageSize | undefined {
  const uint24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  switch (fourLetters(view, 12)) {
    case 'VP8X':
      return { width: uint24(24) + 1, height: uint24(27) + 1 };
    case 'VP8L': {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case 'VP8 ':
      return {
        width: view.getUint16(26, true) & 0x3fff,
        height: view.getUint16(28, true) & 0x3fff,
      };
  }
  return undefined;
}

/** The largest of the image extents: parts, thumbnails and alpha planes have theirs too. */
function ofAvif(view: DataView): ImageSize | undefined {
  let largest: ImageSize | undefined;
  for (const [at] of boxes(view, ['meta', 'iprp', 'ipco', 'ispe'], 0, view.byteLength)) {
    const [width, height] = [view.getUint32(at + 4), view.getUint32(at + 8)];
    if (!largest || width * height > largest.width * largest.height) largest = { width, height };
  }
  return largest;
}
