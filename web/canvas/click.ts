import { findLike } from '../state/find.js';
import { pick, picking } from '../state/found.js';
import { hovered } from '../state/preview.js';
import type { Label, Place } from '../state/prompt.js';
import { addPoint, drawBox, paint } from '../state/scene.js';
import { brushWidth, tool } from '../state/tool.js';
import { foundAt } from './found-here.js';
import { boxBetween, gesture } from './gesture.js';
import { view } from './view.js';

/** A click at a place of the image: picks what was found there, or makes it a point of the prompt. */
export function click(at: Place, label: Label): void {
  if (picking.value) {
    const here = foundAt(at);
    if (here) pick(here);
    return;
  }
  // An example is a box.
  if (tool.value === 'example') return;
  // The answer is to be seen, and not what another click at the same place would make of it.
  hovered.value = undefined;
  addPoint({ ...at, label });
}

/** Makes what has been drawn a part of the prompt. */
export function finishGesture(): void {
  const drawn = gesture.value;
  gesture.value = undefined;
  hovered.value = undefined;
  if (drawn?.kind === 'box') {
    const box = boxBetween(drawn.from, drawn.to);
    if (box && tool.value === 'example') void findLike(box);
    else if (box) drawBox(box);
  } else if (drawn) {
    paint({ places: drawn.places, label: drawn.label, width: brushWidth.value / view.value.scale });
  }
}
