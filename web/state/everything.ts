import { computed, signal } from '@preact/signals';
import type { DecodedMask, EverythingEvent, RunLengths } from 'sam-split-client';
import { embedding } from './decoding.js';
import { announce, telling } from './notice.js';
import { addMasks } from './scene.js';
import { client } from './service.js';

export interface FoundObject {
  readonly id: number;
  readonly mask: DecodedMask;
}

/** What everything mode has found so far and nobody has picked. */
export const found = signal<readonly FoundObject[]>([]);
/** Of its points, while it runs. */
export const progress = signal<number | undefined>(undefined);
/** Points along a side of its grid. */
export const density = signal(16);

/** Whether clicks pick masks rather than ask for new ones. */
export const picking = computed(() => found.value.length > 0 || progress.value !== undefined);

let run = new AbortController();

/** Looks for all objects of the image. Masks come while it looks. */
export async function findEverything(): Promise<void> {
  const image = embedding.value;
  if (!image) return;
  forgetFound();
  run = new AbortController();
  const { signal } = run;
  progress.value = 0;
  await telling(async () => {
    try {
      const fields = { points_per_side: density.value, format: 'rle_counts' } as const;
      for await (const event of client.everything(image, fields, { signal })) take(event);
      announce(`${found.value.length} objects found. Click those to keep.`);
    } finally {
      if (run.signal === signal) progress.value = undefined;
    }
  });
}

/** Ends the search, and keeps what was found. */
export function stopSearch(): void {
  run.abort();
  progress.value = undefined;
}

export function forgetFound(): void {
  stopSearch();
  found.value = [];
}

/** Makes an object of one that was found. */
export function pick({ id, mask }: FoundObject): void {
  addMasks([mask]);
  found.value = found.value.filter((other) => other.id !== id);
}

export function pickAll(): void {
  addMasks(found.value.map(({ mask }) => mask));
  forgetFound();
}

function take(event: EverythingEvent): void {
  if (event.type === 'mask') {
    const { id, segmentation, predicted_iou, stability_score, bbox, area } = event;
    // The format that was asked for.
    const runs = segmentation as RunLengths;
    const mask = { segmentation: runs, predicted_iou, stability_score, bbox, area };
    found.value = [...found.value, { id, mask }];
  } else if (event.type === 'removed') {
    found.value = found.value.filter(({ id }) => !event.ids.includes(id));
  } else if (event.type === 'progress') {
    progress.value = event.points / event.of;
  } else if (event.type === 'done') {
    found.value = found.value.filter(({ id }) => event.ids.includes(id));
  }
}
