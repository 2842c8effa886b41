import { SamError } from '../../core/errors.js';
import { type ImageSize, preprocessShape } from '../../core/image.js';
import type { Point, Prompt } from '../../core/prompt.js';
import { DECODER } from '../architecture.js';

/** A prompt as the decoder's graph takes it: N points with their labels. */
export interface PromptTokens {
  /** [N,2] x, y in pixels of the model's frame. */
  readonly coords: Float32Array;
  /** [N]: -1 padding, 0 background, 1 foreground, 2 and 3 the corners of a box. */
  readonly labels: Float32Array;
}

const PADDING = { at: [0, 0] as Point, label: -1 };
const BOX_LABELS = [2, 3] as const;

/**
 * The points of a prompt, then the corners of its box, or one padding point where there is no box:
 * the order and the padding of segment-anything, whose decoder was trained to see them. A prompt with
 * a mask alone is the padding point alone, as in segment-anything's ONNX export, which needs at least
 * one token (its predictor gives the decoder none).
 * @param prompt in pixels of the image.
 * @param image the size of the oriented image.
 * @returns coordinates scaled as `ResizeLongestSide.apply_coords` does, each axis by its rounded length.
 * @throws SamError `prompt-invalid` when points and labels differ in number.
 */
export function promptTokens(prompt: Prompt, image: ImageSize): PromptTokens {
  const { point_coords = [], point_labels = [], box } = prompt;
  if (point_coords.length !== point_labels.length) {
    throw new SamError(
      'prompt-invalid',
      `${point_coords.length} points have ${point_labels.length} labels`,
    );
  }
  const frame = preprocessShape(image, DECODER.imageSize);
  const [scaleX, scaleY] = [frame.width / image.width, frame.height / image.height];
  const tokens = point_coords.map((at, i) => ({ at, label: point_labels[i] as number }));
  if (box) {
    const [x1, y1, x2, y2] = box;
    tokens.push({ at: [x1, y1], label: BOX_LABELS[0] }, { at: [x2, y2], label: BOX_LABELS[1] });
  } else {
    tokens.push(PADDING);
  }
  return {
    coords: Float32Array.from(tokens.flatMap(({ at: [x, y] }) => [x * scaleX, y * scaleY])),
    labels: Float32Array.from(tokens, ({ label }) => label),
  };
}
