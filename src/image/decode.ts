import sharp, { type Sharp } from 'sharp';
import { SamError } from '../core/errors.js';
import type { Pixels } from '../core/image.js';
import { inksToColours } from './inks.js';
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

/** Pixels as they came from a file. */
export interface DecodedImage extends Pixels {
  /** Of each channel in the file. */
  readonly bits: 8 | 16;
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
export function decodeImage(file: Uint8Array, limits: DecodeLimits): Promise<DecodedImage> {
  return decode(file, limits, () => 3);
}

/** As `decodeImage`, but in four channels: pixels keep the colour and the opacity that the file gives them. */
export function decodeTransparent(file: Uint8Array, limits: DecodeLimits): Promise<DecodedImage> {
  return decode(file, limits, () => 4);
}

/** As `decodeTransparent` where the file gives its pixels an opacity, else as `decodeImage`. */
export function decodeAsFile(file: Uint8Array, limits: DecodeLimits): Promise<DecodedImage> {
  return decode(file, limits, (hasAlpha) => (hasAlpha ? 4 : 3));
}

async function decode(
  whole: Uint8Array,
  { maxPixels }: DecodeLimits,
  channelsFor: (hasAlpha: boolean) => DecodedImage['channels'],
): Promise<DecodedImage> {
  const file = neededParts(whole);
  const input = {
    failOn: 'error',
    limitInputPixels: false,
    ignoreIcc: true,
    pages: 1,
    sequentialRead: true,
  } as const;
  const { width, height, space, depth, hasAlpha } = await readable(sharp(file, input).metadata());
  const channels = channelsFor(hasAlpha);
  if (width * height > maxPixels) {
    const message = `the image has ${width}x${height} pixels, more than the ${maxPixels} allowed`;
    throw new SamError('image-too-large', message);
  }
  const isPrint = space === 'cmyk';
  const decoded = (failOn: 'warning' | 'error') => {
    const upright = sharp(file, { ...input, failOn, limitInputPixels: maxPixels }).autoOrient();
    const pixels = isPrint
      ? upright.pipelineColourspace('cmyk').toColourspace('cmyk')
      : inChannels(upright, channels);
    return pixels.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  };
  const strictly = decoded('warning').catch((warning: Error) => {
    if (PIXELS_MISSING.test(warning.message)) throw warning;
    return decoded('error');
  });
  const { data, info } = await readable(strictly);
  return {
    width: info.width,
    height: info.height,
    channels,
    bits: depth === 'uchar' ? 8 : 16,
    data: isPrint ? inksToColours(data, channels) : data,
  };
}

function inChannels(image: Sharp, channels: DecodedImage['channels']): Sharp {
  if (channels === 4) return image.toColourspace('srgb').ensureAlpha();
  return image.flatten({ background: 'white' }).toColourspace('srgb');
}

/** The library's own words name its internals, and are no help to a client. */
async function readable<T>(decoding: Promise<T>): Promise<T> {
  try {
    return await decoding;
  } catch (cause) {
    throw new SamError('image-unreadable', 'the image is damaged or incomplete', { cause });
  }
}
