import { signal } from '@preact/signals';
import type { EverythingEvent, RunLengths } from 'sam-split-client';
import { embedding } from './decoding.js';
import { found, search } from './found.js';
import { announce, telling } from './notice.js';
import { client } from './service.js';

/** Of its points, while it runs. */
export const progress = signal(0);
/** Points along a side of its grid. */
export const density = signal(16);

/** Looks for all objects of the image. Masks come while it looks. */
export async function findEverything(): Promise<void> {
  const image = embedding.value;
  if (!image) return;
  progress.value = 0;
  await telling(() =>
    search('everything', async (signal) => {
      const fields = { points_per_side: density.value, format: 'rle_counts' } as const;
      for await (const event of client.everything(image, fields, { signal })) take(event);
      announce(`${found.value.length} objects found. Click those to keep.`);
    }),
  );
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
