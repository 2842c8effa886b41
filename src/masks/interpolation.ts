import { LOW_RES_SIDE } from '../core/masks/low-res-mask.js';

/** Neighbouring logits a pixel is blended from, along each axis. */
export const TAPS = 3;

/** How the pixels along one axis of an image are blended from the logits. */
export interface Interpolation {
  /** [pixels,3] the weights of three neighbouring logits: none is negative, and they add up to 1. */
  readonly weights: Float64Array;
  /** [cells] the first of the three; a cell is the pixels that share it. */
  readonly first: Int32Array;
  /** [cells + 1] the pixels of cell c are `starts[c]` up to `starts[c + 1]`. */
  readonly starts: Int32Array;
}

/**
 * The two bilinear steps of segment-anything's `postprocess_masks` along one axis as a single map, for both
 * are linear: 256 logits -> `square` -> the first `frame` of those -> `length` pixels. The second step blends
 * two neighbours that the first has blended from two each, so that three logits take part.
 * With a square of 256 the first step changes nothing, and one is left.
 * @param square side of the model's input. @param frame how much of it the image fills.
 * @param length of the image.
 */
export function interpolation(square: number, frame: number, length: number): Interpolation {
  const weights = new Float64Array(length * TAPS);
  const first: number[] = [];
  const starts: number[] = [];
  for (let pixel = 0; pixel < length; pixel++) {
    const place = source(pixel, frame, length);
    const near = Math.min(Math.floor(place), frame - 1);
    const far = Math.min(near + 1, frame - 1);
    const start = Math.min(Math.floor(source(near, LOW_RES_SIDE, square)), LOW_RES_SIDE - TAPS);
    if (start !== first.at(-1)) {
      first.push(start);
      starts.push(pixel);
    }
    const at = pixel * TAPS - start;
    blend(weights, at, source(near, LOW_RES_SIDE, square), near + 1 - place);
    blend(weights, at, source(far, LOW_RES_SIDE, square), place - near);
  }
  starts.push(length);
  return { weights, first: Int32Array.from(first), starts: Int32Array.from(starts) };
}

/**
 * Where output `i` of `to` lies among `from` inputs: half-pixel centres and a clamped edge, as PyTorch's
 * `interpolate(mode="bilinear", align_corners=False)`.
 */
function source(i: number, from: number, to: number): number {
  return Math.max(0, ((i + 0.5) * from) / to - 0.5);
}

/** Adds `weight`, shared between the two logits around `place`, to the weights that begin at `at`. */
function blend(weights: Float64Array, at: number, place: number, weight: number): void {
  const low = Math.min(Math.floor(place), LOW_RES_SIDE - 1);
  const high = Math.min(low + 1, LOW_RES_SIDE - 1);
  const share = place - low;
  weights[at + low] = (weights[at + low] as number) + weight * (1 - share);
  weights[at + high] = (weights[at + high] as number) + weight * share;
}
