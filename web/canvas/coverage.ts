import type { DecodedMask } from 'sam-split-client';
import { type Frame, sizeInFrame } from '../../src/core/frame.js';
import type { ImageSize } from '../../src/core/image.js';
import { LOW_RES_LOGITS, LOW_RES_SIDE } from '../../src/core/masks/low-res-mask.js';
import type { Stroke } from '../state/prompt.js';
import { outlineOf } from './outline.js';

/** As sure as a mask without logits is taken to be by the service: logits are at most ln(999), about 6.9. */
const DOUBT = 1e-3;

/**
 * The logits a prompt starts from: those of an earlier mask, or of one that was found, with strokes painted over.
 * @param frame the square that the model sees. @returns [256,256]; nothing where there is nothing to start from
 */
export function startingLogits(
  image: ImageSize,
  frame: Frame,
  earlier: Float32Array | undefined,
  mask: DecodedMask | undefined,
  strokes: readonly Stroke[],
): Float32Array | undefined {
  if (!earlier && !mask && strokes.length === 0) return undefined;
  const nothing = () => new Float32Array(LOW_RES_LOGITS).fill(logit(0));
  let logits =
    earlier ??
    (mask
      ? coverage(image, frame, (context) => context.fill(outlineOf(mask), 'evenodd')).map(logit)
      : nothing());
  for (const stroke of strokes) {
    const covered = coverage(image, frame, (context) => drawStroke(context, stroke));
    const sure = logit(stroke.label);
    logits = logits.map((before, i) => {
      const share = covered[i] as number;
      return before + share * (sure - before);
    });
  }
  return logits;
}

/** Draws a stroke in the context's colour, in pixels of the image. */
export function drawStroke(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  { places, width }: Pick<Stroke, 'places' | 'width'>,
): void {
  context.lineWidth = width;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  context.beginPath();
  for (const { x, y } of places) context.lineTo(x, y);
  // A line of no length has no caps.
  const [first] = places;
  if (places.length === 1 && first) context.lineTo(first.x + 0.01, first.y);
  context.stroke();
}

/** How much of each logit's place is covered by what `draw` draws in pixels of the image. @returns [256,256], 0 to 1 */
function coverage(
  image: ImageSize,
  frame: Frame,
  draw: (context: OffscreenCanvasRenderingContext2D) => void,
): Float32Array {
  const canvas = new OffscreenCanvas(LOW_RES_SIDE, LOW_RES_SIDE);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('This browser has no canvas');
  const inside = sizeInFrame(image, frame);
  const scale = LOW_RES_SIDE / frame.side;
  context.scale((scale * inside.width) / image.width, (scale * inside.height) / image.height);
  draw(context);
  const { data } = context.getImageData(0, 0, LOW_RES_SIDE, LOW_RES_SIDE);
  return Float32Array.from({ length: LOW_RES_LOGITS }, (_, i) => (data[4 * i + 3] as number) / 255);
}

function logit(share: number): number {
  const sure = Math.min(Math.max(share, DOUBT), 1 - DOUBT);
  return Math.log(sure / (1 - sure));
}
