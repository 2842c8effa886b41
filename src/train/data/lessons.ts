import { OperatorError } from '../../core/errors.js';
import { readCoco } from '../../labels/coco.js';
import { byImage, type LabelledObject } from '../../labels/labelled-object.js';
import { readMaskFiles } from '../../labels/mask-files.js';
import type { Labels, Skipped } from '../../labels/skipped.js';
import type { LabelSource } from '../options.js';
import { type Random, shuffled } from '../random.js';
import type { Progress } from '../run/progress.js';
import type { Embedder } from './embedder.js';
import { prepare, type TrainingImage } from './training-image.js';

/** What is needed to make lessons of labels. */
export interface LessonsContext {
  readonly embedder: Embedder;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Labelled images, embedded; what cannot be used is skipped, and told.
 * @param what they are for, in words.
 * @param part of them, if not all.
 * @throws OperatorError when nothing is left
 */
export async function readLessons(
  source: LabelSource,
  what: string,
  { embedder, progress, signal }: LessonsContext,
  part?: LessonsPart,
): Promise<TrainingImage[]> {
  const { objects, skipped } = await readLabels(source);
  const all = byImage(objects);
  const images = part ? firstOf(all, part) : all;
  const prepared: TrainingImage[] = [];
  progress.begin(what, images.length);
  for (const [i, own] of images.entries()) {
    signal.throwIfAborted();
    const image = await prepare(own, embedder, skipped);
    if (image) prepared.push(image);
    progress.update(i + 1);
  }
  const usable = prepared.reduce((sum, image) => sum + image.objects.length, 0);
  const left = part && images.length < all.length ? `, of ${objects.length} that were given` : '';
  progress.say(`${what}: ${usable} objects in ${prepared.length} images${left}`);
  tell(skipped, progress);
  if (usable > 0) return prepared;
  throw new OperatorError(`there is nothing left of ${what}`);
}

/** Images of chance, until they have so many objects. */
export interface LessonsPart {
  readonly objects: number;
  readonly random: Random;
}

function firstOf(images: readonly LabelledObject[][], { objects, random }: LessonsPart) {
  let count = 0;
  return shuffled(images, random).filter((own) => {
    if (count >= objects) return false;
    count += own.length;
    return true;
  });
}

async function readLabels(source: LabelSource): Promise<Labels> {
  if ('coco' in source) return readCoco(source.coco, source.images);
  return readMaskFiles(source.masks, source.images, source.objects);
}

function tell(skipped: Skipped, progress: Progress): void {
  for (const { reason, count, examples } of skipped.reasons) {
    progress.say(`skipped ${count}: ${reason}`);
    for (const example of examples) progress.say(`  ${example}`);
  }
}
