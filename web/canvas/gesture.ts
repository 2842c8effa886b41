import { signal } from '@preact/signals';
import type { Box, Label, Place } from '../state/prompt.js';

/** A box that is being dragged, or a line that is being painted, in pixels of the image. */
export type Gesture =
  | { readonly kind: 'box'; readonly from: Place; readonly to: Place }
  | { readonly kind: 'stroke'; readonly places: readonly Place[]; readonly label: Label };

/** What is not yet a part of the prompt. */
export const gesture = signal<Gesture | undefined>(undefined);

/** The cursor that the keyboard moves over the image, while the canvas has the focus and the keyboard is used. */
export const cursor = signal<Place | undefined>(undefined);

/** The box between two corners, wherever they lie; none where it would have no area. */
export function boxBetween(a: Place, b: Place): Box | undefined {
  const [x1, x2] = [Math.min(a.x, b.x), Math.max(a.x, b.x)];
  const [y1, y2] = [Math.min(a.y, b.y), Math.max(a.y, b.y)];
  return x2 - x1 >= 1 && y2 - y1 >= 1 ? [x1, y1, x2, y2] : undefined;
}
