import { effect, signal, untracked } from '@preact/signals';
import type { DecodedMask } from 'sam-split-client';
import { shownSize } from '../canvas/view.js';
import { predictPromptOf } from './answers.js';
import { decode, ready } from './decoding.js';
import { picking } from './found.js';
import { type Label, type Place, withPoint } from './prompt.js';
import { activeObject } from './scene.js';
import { tool } from './tool.js';

/** Where the pointer, or the cursor of the keyboard, is on the image, and what a click there would say. */
export const hovered = signal<(Place & { readonly label: Label }) | undefined>(undefined);

/** The mask that a click there would make, in the size in which the image is shown. */
export const preview = signal<DecodedMask | undefined>(undefined);

let running = false;

/**
 * One preview is decoded at a time, always for where the pointer is by then: what it has passed meanwhile is left out, so
 * that the mask keeps up with it.
 */
effect(() => {
  const previews = ready.value && tool.value === 'point' && !picking.value;
  if (!hovered.value || !previews) preview.value = undefined;
  else if (!running) untracked(follow);
});

async function follow(): Promise<void> {
  running = true;
  try {
    for (let at = hovered.value; at; ) {
      const { prompt, choice } = activeObject.value;
      const prompted = await predictPromptOf(withPoint(prompt, at, choice));
      const { masks } = await decode(prompted, { logits: false, best: true, size: shownSize() });
      const now = hovered.value;
      // One that is a little old is better than none, but not of what the object was before.
      preview.value = now && activeObject.value.prompt === prompt ? masks[0] : undefined;
      // For who measures: observers are told of what is cleared at once.
      performance.mark('sam:preview');
      performance.clearMarks('sam:preview');
      if (now === at) return;
      at = now;
    }
  } catch {
    // A click says what is wrong.
    preview.value = undefined;
  } finally {
    running = false;
  }
}
