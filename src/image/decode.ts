import sharp from 'sharp';
import { SamError } from '../core/errors.js';
import type { RgbImage } from '../core/image.js';
import { neededParts } from './structure/needed.js';

// Only what is accepted can be loaded, whatever a file claims to be.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadHeifBuffer',
  ],
});
// No image comes twice: the embedding is what is cached.
sharp.cache(false);

export interface DecodeLimits {
  readonly maxPixels: number;
}

/**
 * Decodes an image file to oriented 8-bit RGB as PIL's `convert("RGB")` would: grey, palette and CMYK
 * become RGB, 16 bits become 8, embedded colour profiles are ignored. Transparent pixels are laid over
 * white. Of an animation the first frame is taken. How long it takes and how much memory is for the caller to bound.
 * @throws SamError `image-too-large` before any pixel is decoded, `image-unreadable` for a file that is
 *   damaged, cut off, or of another kind.
 */
export async function decodeImage(
  whole: Uint8Array,
  { maxPixels }: DecodeLimits,
): Promise<RgbImage> {
  const file = neededParts(whole);
  const input = {
    failOn: 'warning',
    limitInputPixels: false,
    ignoreIcc: true,
    pages: 1,
    sequentialRead: true,
  } as const;
  const { width, height } = await readable(sharp(file, input).metadata());
  if (width * height > maxPixels) {
    const message = `the image has ${width}x${height} pixels, more than the ${maxPixels} allowed`;
    throw new SamError('image-too-large', message);
  }
  const { data, info } = await readable(
    sharp(file, { ...input, limitInputPixels: maxPixels })
      .autoOrient()
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true }),
  );
  return { width: info.width, height: info.height, data };
}

/** The library's own words name its internals, and are no help to a client. */
async function readable<T>(decoding: Promise<T>): Promise<T> {
  try {
    return await decoding;
  } catch (cause) {
    throw new SamError('image-unreadable', 'the image is damaged or incomplete', { cause });
  }
}
