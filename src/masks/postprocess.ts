import { type ImageSize, preprocessShape } from '../core/image.js';
import { compose, type Interpolation, linear } from './interpolation.js';

/** Side of the decoder's masks. */
const SIDE = 256;
/** A pixel belongs to the mask where its logit is above. */
const MASK_THRESHOLD = 0;
/** How far the threshold is moved both ways to see how firm the edge is. */
const STABILITY_OFFSET = 1;

/** A mask at its image's size, and what was measured while it was made. */
export interface BinaryMask {
  /** Run lengths in column-major order, background first. */
  readonly counts: readonly number[];
  readonly area: number;
  /** x, y, width, height; zeros when the mask is empty. */
  readonly bbox: readonly [x: number, y: number, width: number, height: number];
  /** Pixels above threshold + 1 over pixels above threshold - 1; 0 where there are none. */
  readonly stabilityScore: number;
}

/**
 * segment-anything's `postprocess_masks` and `calculate_stability_score`: 256x256 logits -> bilinear to
 * the model's square -> padding cropped -> bilinear to the image -> threshold. The two steps are one
 * linear map along each axis, so no image of floats is ever held: each column of the image is
 * interpolated, cut and measured before the next.
 * @param logits [256,256], row by row.
 * @param image size of the oriented image.
 * @param imageSize side of the model's square, in pixels.
 */
export function postprocessMask(
  logits: Float32Array,
  image: ImageSize,
  imageSize: number,
): BinaryMask {
  const { width, height } = image;
  const frame = preprocessShape(image, imageSize);
  const upscale = linear(SIDE, imageSize);
  const columns = compose(upscale, linear(frame.width, width));
  const rows = compose(upscale, linear(frame.height, height));
  const column = new Float64Array(SIDE);
  const values = new Float32Array(height);

  const counts: number[] = [];
  let run = 0;
  let inside = false;
  let area = 0;
  let firm = 0;
  let loose = 0;
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let x = 0; x < width; x++) {
    blendColumn(logits, columns, x, column);
    interpolate(column, rows, values);
    for (let y = 0; y < height; y++) {
      const logit = values[y] as number;
      if (logit > MASK_THRESHOLD - STABILITY_OFFSET) loose++;
      if (logit > MASK_THRESHOLD + STABILITY_OFFSET) firm++;
      const foreground = logit > MASK_THRESHOLD;
      if (foreground !== inside) {
        counts.push(run);
        run = 0;
        inside = foreground;
      }
      run++;
      if (!foreground) continue;
      area++;
      if (x < left) left = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
      right = x;
    }
  }
  counts.push(run);
  const bbox = area > 0 ? ([left, top, right - left + 1, bottom - top + 1] as const) : EMPTY_BOX;
  return { counts, area, bbox, stabilityScore: loose > 0 ? firm / loose : 0 };
}

const EMPTY_BOX = [0, 0, 0, 0] as const;

/** Column `x` of the image over the 256 rows of the logits. */
function blendColumn(
  logits: Float32Array,
  { taps, indices, weights }: Interpolation,
  x: number,
  column: Float64Array,
): void {
  column.fill(0);
  for (let t = x * taps; t < (x + 1) * taps; t++) {
    const weight = weights[t] as number;
    const source = indices[t] as number;
    for (let row = 0; row < SIDE; row++) {
      column[row] = (column[row] as number) + weight * (logits[row * SIDE + source] as number);
    }
  }
}

/** The blended column, stretched to the height of the image. */
function interpolate(
  column: Float64Array,
  { taps, indices, weights }: Interpolation,
  values: Float32Array,
): void {
  for (let y = 0, t = 0; y < values.length; y++) {
    let sum = 0;
    for (const end = t + taps; t < end; t++) {
      sum += (weights[t] as number) * (column[indices[t] as number] as number);
    }
    values[y] = sum;
  }
}
