import type { RgbImage } from '../../core/image.js';
import { resample } from '../resize/resample.js';
import { smoothKernel } from './kernel.js';

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
  return resample(image, imageSize, { rows, columns }, { mean, std, ground: padding ?? 0 });
}
