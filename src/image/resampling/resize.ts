import type { ImageSize, RgbImage } from '../../core/image.js';
import type { Kernel } from './kernel.js';
import { triangleKernel } from './triangle.js';

/** Weights are whole numbers of 2^-22, so that a sum of 8-bit products fits 32 bits: Pillow's choice. */
const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

/**
 * Resizes as `PIL.Image.resize(size, BILINEAR)` does, to the bit: a triangle as wide as the scale when
 * shrinking, two neighbours when enlarging; rows first, then columns, each rounded to 8 bits.
 */
export function resizeBilinear(image: RgbImage, { width, height }: ImageSize): RgbImage {
  const wide = width === image.width ? image : resizeRows(image, width);
  return height === image.height ? wide : resizeColumns(wide, height);
}

/** Pillow's `normalize_coeffs_8bpc`: the filter in whole numbers. */
function kernel(from: number, to: number): Kernel<Int32Array> {
  const { weights, ...places } = triangleKernel(from, to);
  const whole = Int32Array.from(weights, (weight) =>
    Math.trunc(0.5 + weight * 2 ** PRECISION_BITS),
  );
  return { ...places, weights: whole };
}

function resizeRows({ data, width: from, height }: RgbImage, width: number): RgbImage {
  const { taps, starts, lengths, weights } = kernel(from, width);
  const out = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let r = HALF;
      let g = HALF;
      let b = HALF;
      let source = (y * from + (starts[x] as number)) * 3;
      const end = x * taps + (lengths[x] as number);
      for (let t = x * taps; t < end; t++, source += 3) {
        const weight = weights[t] as number;
        r += weight * (data[source] as number);
        g += weight * (data[source + 1] as number);
        b += weight * (data[source + 2] as number);
      }
      // Weights are not negative and add up to one, so nothing leaves 0..255.
      out[at++] = r >> PRECISION_BITS;
      out[at++] = g >> PRECISION_BITS;
      out[at++] = b >> PRECISION_BITS;
    }
  }
  return { data: out, width, height };
}

function resizeColumns({ data, width, height: from }: RgbImage, height: number): RgbImage {
  const { taps, starts, lengths, weights } = kernel(from, height);
  const stride = width * 3;
  const out = new Uint8Array(stride * height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    // Whole rows at a time, so that memory is read in its order.
    for (let t = 0; t < (lengths[y] as number); t++) {
      const weight = weights[y * taps + t] as number;
      const source = ((starts[y] as number) + t) * stride;
      for (let i = 0; i < stride; i++) {
        sums[i] = (sums[i] as number) + weight * (data[source + i] as number);
      }
    }
    for (let i = 0; i < stride; i++) out[y * stride + i] = (sums[i] as number) >> PRECISION_BITS;
  }
  return { data: out, width, height };
}
