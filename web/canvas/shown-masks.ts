import { computed } from '@preact/signals';
import type { DecodedMask } from 'sam-split-client';
import { found } from '../state/found.js';
import { masked, scene } from '../state/scene.js';
import { foundHere } from './found-here.js';

/** A mask as it is painted. */
export interface ShownMask {
  readonly mask: DecodedMask;
  readonly colour: string;
  readonly opacity: number;
  /** Width of its outline, in pixels of the screen. */
  readonly line: number;
}

/** Of masks that were found and not yet picked; turned by the golden angle, neighbours differ. */
const hueOf = (id: number) => `hsl(${(id * 137.5) % 360} 85% 55%)`;

let latest: readonly ShownMask[] = [];

/** All masks, the lowest first: the same list until one of them changes, for nothing takes longer to paint. */
export const shownMasks = computed<readonly ShownMask[]>(() => {
  const shown = [
    ...found.value.map(({ id, mask }): ShownMask => {
      const strong = id === foundHere.value?.id;
      return { mask, colour: hueOf(id), opacity: strong ? 0.7 : 0.38, line: strong ? 2.5 : 1 };
    }),
    ...masked.value.map(({ object: { id, colour }, mask }): ShownMask => {
      const strong = id === scene.value.active;
      return { mask, colour, opacity: strong ? 0.5 : 0.32, line: strong ? 2.5 : 1.25 };
    }),
  ];
  if (!areAlike(shown, latest)) latest = shown;
  return latest;
});

function areAlike(some: readonly ShownMask[], others: readonly ShownMask[]): boolean {
  return some.length === others.length && some.every((each, i) => isAlike(each, others[i]));
}

function isAlike(one: ShownMask, other: ShownMask | undefined): boolean {
  return (
    one.mask === other?.mask &&
    one.colour === other.colour &&
    one.opacity === other.opacity &&
    one.line === other.line
  );
}
