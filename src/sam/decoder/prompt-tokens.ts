import { SamError } from '../../core/errors.js';
import type { PromptLayout } from '../../core/family.js';
import { type Frame, sizeInFrame } from '../../core/frame.js';
import type { ImageSize } from '../../core/image.js';
import type { Box, Point, Prompt } from '../../core/prompt.js';

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
 * The points of a prompt, the corners of its box, and a padding point, as the decoder was trained to see them: how many
 * tokens there are changes its answer.
 * - SAM has the box behind the points, and padding where there is no box. A prompt with a mask alone is the padding point
 *   alone, as in segment-anything's ONNX export, which needs at least one token (its predictor gives the decoder none).
 * - SAM 2 has the box before the points, and padding whatever there is. A prompt with a mask alone has no token.
 * @param prompt in pixels of the image.
 * @param image the size of the oriented image.
 * @returns coordinates in pixels of the model's frame, each axis scaled by its own factor.
 * @throws SamError `prompt-invalid` when points and labels differ in number.
 */
export function promptTokens(
  prompt: Prompt,
  image: ImageSize,
  frame: Frame,
  layout: PromptLayout,
): PromptTokens {
  const { point_coords = [], point_labels = [], box } = prompt;
  if (point_coords.length !== point_labels.length) {
    throw new SamError(
      'prompt-invalid',
      `${point_coords.length} points have ${point_labels.length} labels`,
    );
  }
  const inside = sizeInFrame(image, frame);
  const [scaleX, scaleY] = [inside.width / image.width, inside.height / image.height];
  const points = point_coords.map((at, i) => ({ at, label: point_labels[i] as number }));
  const corners = box ? cornersOf(box) : [];
  const given = layout.box === 'first' ? [...corners, ...points] : [...points, ...corners];
  const isPadded = layout.padding === 'without_box' ? !box : given.length > 0;
  const tokens = isPadded ? [...given, PADDING] : given;
  return {
    coords: Float32Array.from(tokens.flatMap(({ at: [x, y] }) => [x * scaleX, y * scaleY])),
    labels: Float32Array.from(tokens, ({ label }) => label),
  };
}

function cornersOf([x1, y1, x2, y2]: Box): { at: Point; label: number }[] {
  return [
    { at: [x1, y1], label: BOX_LABELS[0] },
    { at: [x2, y2], label: BOX_LABELS[1] },
  ];
}
