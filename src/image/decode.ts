import sharp from 'sharp';
import { SamError } from '../core/errors.js';
import type { RgbImage } from '../core/image.js';
import { inksToRgb } from './inks.js';
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

/** What libjpeg says of a file that has its end, and not all of its pixels. */
const PIXELS_MISSING = /premature end of data segment/;

/**
 * Decodes an image file to oriented 8-bit RGB as PIL's `convert("RGB")` would: grey, palette and CMYK
 * become RGB, 16 bits become 8, embedded colour profiles are ignored. Transparent pixels are laid over
 * white. Of an animation the first frame is taken. How long it takes and how much memory is for the caller to bound.
 * @throws SamError `image-too-large` before any pixel is decoded, `image-unreadable` for a file that is cut off, of
 *   another kind, or damaged. What a library only warns of is decoded, as PIL does, unless pixels are missing.
 */
export async function decodeImage(
  whole: Uint8Array,
  { maxPixels }: DecodeLimits,
): Promise<RgbImage> {
  const file = neededParts(whole);
  const input = {
    failOn: 'error',
    limitInputPixels: false,
    ignoreIcc: true,
    pages: 1,
    sequentialRead: true,
  } as const;
  const { width, height, space } = await readable(sharp(file, input).metadata());
  if (width * height > maxPixels) {
    const message = `the image has ${width}x${height} pixels, more than the ${maxPixels} allowed`;
    throw new SamError('image-too-large', message);
  }
  const isPrint = space === 'cmyk';
  const decode = (failOn: 'warning' | 'error') => {
    const upright = sharp(file, { ...input, failOn, limitInputPixels: maxPixels }).autoOrient();
    const pixels = isPrint
      ? upright.pipelineColourspace('cmyk').toColourspace('cmyk')
      : upright.flatten({ background: 'white' }).toColourspace('srgb');
    return pixels.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  };
  const strictly = decode('warning').catch((warning: Error) => {
    if (PIXELS_MISSING.test(warning.message)) throw warning;
    return decode('error');
  });
  const { data, info } = await readable(strictly);
  return { width: info.width, height: info.height, data: isPrint ? inksToRgb(data) : data };
}

/** The library's own words name its internals, and are no help to a client. */
async function readable<T>(decoding: Promise<T>): Promise<T> {
  try {
    return await decoding;
  } catch (cause) {
    throw new SamError('image-unreadable', 'the image is damaged or incomplete', { cause });
  }
}
