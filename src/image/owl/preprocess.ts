import type { RgbImage } from '../../core/image.js';
import { type Kernel, smoothKernel } from './kernel.js';

/** What a detector's image tower takes. */
export interface DetectorInput {
  /** Side of the square, in pixels. */
  readonly imageSize: number;
  /** Of red, green and blue, each from 0 to 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /**
   * What a picture is padded with at its right or below to a square, from 0 to 1; without it, it is stretched to one, as
   * OWL-ViT's are.
   */
  readonly padding?: number;
}

/**
 * `Owlv2ImageProcessor`: padded to a square, resized, normalised. Nothing is rounded to 8 bits in between.
 * @returns [3,S,S]
 */
export function toDetectorInput(
  image: RgbImage,
  { imageSize, mean, std, padding }: DetectorInput,
): Float32Array<ArrayBuffer> {
  const { width, height } = image;
  const side = Math.max(width, height);
  const isPadded = padding !== undefined;
  const rows = smoothKernel(isPadded ? side : height, imageSize, height);
  const columns = smoothKernel(isPadded ? side : width, imageSize, width);
  // All steps are linear, and weights add up to one: what is not the padding can be resized by itself.
  const ground = 255 * (padding ?? 0);
  const scales = std.map((deviation) => 1 / (255 * deviation));
  const offsets = mean.map(
    (value, c) => ground * (scales[c] as number) - value / (std[c] as number),
  );

  const plane = imageSize * imageSize;
  const input = new Float32Array(3 * plane);
  const line = new Float32Array(3 * width);
  for (let y = 0; y < imageSize; y++) {
    addRows(image, rows, y, ground, line);
    for (let x = 0; x < imageSize; x++) {
      let [r, g, b] = [0, 0, 0];
      const first = x * columns.taps;
      const end = first + (columns.lengths[x] as number);
      for (let t = first, at = 3 * (columns.starts[x] as number); t < end; t++, at += 3) {
        const weight = columns.weights[t] as number;
        r += weight * (line[at] as number);
        g += weight * (line[at + 1] as number);
        b += weight * (line[at + 2] as number);
      }
      const target = y * imageSize + x;
      input[target] = r * (scales[0] as number) + (offsets[0] as number);
      input[plane + target] = g * (scales[1] as number) + (offsets[1] as number);
      input[2 * plane + target] = b * (scales[2] as number) + (offsets[2] as number);
    }
  }
  return input;
}

/** Fills `line` with output row `y` at the image's width: how far its pixels are from the ground. */
function addRows(
  { data, width }: RgbImage,
  { taps, starts, lengths, weights }: Kernel,
  y: number,
  ground: number,
  line: Float32Array,
): void {
  line.fill(0);
  const stride = 3 * width;
  const count = lengths[y] as number;
  // Whole rows at a time, so that memory is read in its order.
  for (let t = 0; t < count; t++) {
    const weight = weights[y * taps + t] as number;
    const source = ((starts[y] as number) + t) * stride;
    for (let i = 0; i < stride; i++) {
      line[i] = (line[i] as number) + weight * ((data[source + i] as number) - ground);
    }
  }
}
