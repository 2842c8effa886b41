import type { Detection, DetectionLimits } from '../core/find/detection.js';
import { sigmoid } from './class-logits.js';
import type { Features } from './features.js';
import { type Frame, inside, suppressed } from './selection.js';

/** Patches by how likely they hold anything at all, the most likely first; equals in their order. */
export function byObjectness(features: Features): Omit<Detection, 'box' | 'label'>[] {
  return Array.from({ length: features.patches }, (_, patch) => ({
    patch,
    score: sigmoid(features.objectness(patch)),
  })).sort((a, b) => b.score - a.score || a.patch - b.patch);
}

/** Boxes of whatever there is in the image, the most likely first. */
export function proposals(
  features: Features,
  frame: Frame,
  limits: Pick<DetectionLimits, 'nms' | 'most'>,
): Omit<Detection, 'label'>[] {
  const boxed = byObjectness(features).flatMap((each) => inside(features, frame, each));
  return suppressed(boxed, limits);
}
