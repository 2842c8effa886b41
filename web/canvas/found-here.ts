import { computed } from '@preact/signals';
import { type FoundObject, found } from '../state/found.js';
import { hovered } from '../state/preview.js';
import type { Place } from '../state/prompt.js';
import { contains } from './outline.js';

/** The mask that a click at the pointer would pick. */
export const foundHere = computed(() => hovered.value && foundAt(hovered.value));

/** The smallest of those that were found there: larger ones can be clicked beside it. */
export function foundAt(at: Place): FoundObject | undefined {
  return found.value
    .filter(({ mask }) => contains(mask, at))
    .sort((a, b) => a.mask.area - b.mask.area)[0];
}
