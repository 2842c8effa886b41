import { batch, signal } from '@preact/signals';
import type { Embedding } from 'sam-split-client';
import { embedding, forgetImage, setImage } from './decoding.js';
import { forgetFound } from './found.js';
import { announce, telling } from './notice.js';
import { photographAt } from './photograph.js';
import { clearHistory } from './scene.js';
import { clearStages, showProgress, showTimings } from './stages.js';

/** The image on the screen. */
export interface Picture {
  readonly name: string;
  /** Upright: as EXIF says it is to be looked at. */
  readonly bitmap: ImageBitmap;
  /** The frame of all prompts and masks, in pixels. */
  readonly width: number;
  readonly height: number;
}

export const picture = signal<Picture | undefined>(undefined);
/** Where it is from. */
export const source = signal<Blob | URL | undefined>(undefined);
/** Whether one is on its way. */
export const opening = signal(false);

let current = new AbortController();

/** Embeds an image, and shows it: a file at once, one that the service fetches when it has been. */
export async function openImage(file: Blob | URL, name: string): Promise<void> {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  leave();
  opening.value = true;
  source.value = file;
  const shown = file instanceof Blob ? show(name, createImageBitmap(file), signal) : undefined;
  await telling(async () => {
    try {
      await setImage(file, showProgress, signal);
      const image = embedding.value as Embedding;
      showTimings(image);
      await (shown ?? show(name, photographAt(file as URL, image), signal));
      settleSize(image);
      announce(`${name} is ready, ${image.width} by ${image.height} pixels.`);
    } catch (error) {
      if (!signal.aborted) leave();
      throw error;
    } finally {
      if (!signal.aborted) opening.value = false;
    }
  });
}

/** What an image by URL is called. */
export function nameOf(url: URL): string {
  return decodeURIComponent(url.pathname.split('/').pop() || url.hostname);
}

/** Back to the start. */
export function leave(): void {
  batch(() => {
    forgetImage();
    forgetFound();
    clearStages();
    clearHistory();
    picture.value = undefined;
    source.value = undefined;
  });
}

/** Where the browser cannot read a file, the service says why it could not either. */
async function show(name: string, read: Promise<ImageBitmap>, signal: AbortSignal): Promise<void> {
  const bitmap = await read.catch(() => undefined);
  if (bitmap && !signal.aborted) {
    picture.value = { name, bitmap, width: bitmap.width, height: bitmap.height };
  }
}

/** Prompts and masks go by the service's reading of the file, should the browser's be another. */
function settleSize({ width, height }: Embedding): void {
  const shown = picture.value;
  if (!shown) throw new Error('This browser cannot show the image');
  if (shown.width !== width || shown.height !== height) picture.value = { ...shown, width, height };
}
