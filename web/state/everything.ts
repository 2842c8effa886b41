import { computed, signal } from '@preact/signals';
import type { EverythingEvent, EverythingFields, RunLengths } from 'sam-split-client';
import { embedding } from './decoding.js';
import { found, search, searched } from './found.js';
import { announce, telling } from './notice.js';
import { client } from './service.js';

/** Of its points, while it runs. */
export const progress = signal(0);

/** How closely it looks, as the service takes it. */
export const LOOKS = {
  coarse: { points_per_side: 8 },
  medium: { points_per_side: 16 },
  quick: { points_per_side: 32, strategy: 'adaptive' },
  fine: { points_per_side: 32 },
} as const satisfies Readonly<Record<string, EverythingFields>>;

export type Look = keyof typeof LOOKS;

export const look = signal<Look>('medium');

const asked = signal<EverythingFields>(LOOKS.medium);

/** What was asked for what has been found. */
export const answered = computed(() =>
  searched.value === 'everything' && found.value.length > 0 ? asked.value : undefined,
);

/** Looks for all objects of the image. Masks come while it looks. */
export async function findEverything(): Promise<void> {
  const image = embedding.value;
  if (!image) return;
  progress.value = 0;
  asked.value = LOOKS[look.value];
  await telling(() =>
    search('everything', async (signal) => {
      const fields = { ...asked.value, format: 'rle_counts' } as const;
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
