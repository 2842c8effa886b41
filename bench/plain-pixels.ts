import { preprocessShape, type RgbImage } from '#src/core/image.js';
import { triangleKernel } from '#src/image/resize/kernel.js';
import { normalise } from '../test/fixtures/normalise.js';

/** Of Pillow's weights, in bits. */
const PRECISION = 22;
const HALF = 1 << (PRECISION - 1);
export const SIDE = 1024;
export const MEAN = [123.675, 116.28, 103.53] as const;
export const STD = [58.395, 57.12, 57.375] as const;

/**
 * What became of an image's pixels before WebAssembly resized them and the graph normalised them, the baseline: two passes
 * over the whole image in plain JavaScript, the same pixels to the bit, and floats of those.
 */
export function plainInput(image: RgbImage): { pixels: RgbImage; input: Float32Array } {
  const { width, height } = preprocessShape(image, SIDE);
  const pixels = columns(rows(image, width), height);
  return {
    pixels,
    input: normalise(pixels, { image_size: SIDE, pixel_mean: MEAN, pixel_std: STD }),
  };
}

function rows(image: RgbImage, width: number): RgbImage {
  const { data, width: from, height } = image;
  if (width === from) return image;
  const { taps, starts, lengths, weights } = triangleKernel(from, width);
  const out = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [r, g, b] = [HALF, HALF, HALF];
      let source = (y * from + (starts[x] as number)) * 3;
      const end = x * taps + (lengths[x] as number);
      for (let t = x * taps; t < end; t++, source += 3) {
        const weight = weights[t] as number;
        r += weight * (data[source] as number);
        g += weight * (data[source + 1] as number);
        b += weight * (data[source + 2] as number);
      }
      out[at++] = r >> PRECISION;
      out[at++] = g >> PRECISION;
      out[at++] = b >> PRECISION;
    }
  }
  return { data: out, width, height };
}

function columns(image: RgbImage, height: number): RgbImage {
  const { data, width, height: from } = image;
  if (height === from) return image;
  const { taps, starts, lengths, weights } = triangleKernel(from, height);
  const stride = width * 3;
  const out = new Uint8Array(stride * height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let t = 0; t < (lengths[y] as number); t++) {
      const weight = weights[y * taps + t] as number;
      const source = ((starts[y] as number) + t) * stride;
      for (let i = 0; i < stride; i++) {
        sums[i] = (sums[i] as number) + weight * (data[source + i] as number);
      }
    }
    for (let i = 0; i < stride; i++) out[y * stride + i] = (sums[i] as number) >> PRECISION;
  }
  return { data: out, width, height };
}
