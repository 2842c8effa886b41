import { readFile } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { byImage, type LabelledObject } from '../labels/labelled-object.js';
import { LabelFault, type Skipped } from '../labels/skipped.js';
import type { Journal, JournalEntry } from './journal.js';
import { measureObjects } from './measure.js';
import type { MeasuredObject } from './measured.js';
import type { EmbeddedImage, ServiceClient } from './service/service-client.js';
import { Worst } from './worst.js';

/** An image with the objects that are labelled in it. */
export interface LabelledImage {
  readonly path: string;
  /** Below the folder of images, with `/` between its parts. */
  readonly name: string;
  readonly objects: readonly LabelledObject[];
}

/** @param folder of the images. */
export function imagesOf(objects: readonly LabelledObject[], folder: string): LabelledImage[] {
  return byImage(objects).map((objects) => {
    const { image: path } = objects[0] as LabelledObject;
    return { path, name: relative(folder, path).replaceAll(sep, '/'), objects };
  });
}

/** What a model made of all objects. */
export interface ModelResult {
  readonly model: string;
  readonly objects: readonly MeasuredObject[];
  readonly worst: Worst;
}

export interface EvaluationOptions {
  readonly service: ServiceClient;
  readonly journal: Journal;
  /** Takes the images that turn out not to be usable. */
  readonly skipped: Skipped;
  readonly seed: number;
  /** Objects of each protocol that are shown. */
  readonly worst: number;
  /** Stops after the image that is under way. */
  readonly signal: AbortSignal;
  /** Told of each image that is done. */
  onImage(objects: readonly MeasuredObject[], lost: number): void;
}

/**
 * Measures a model on all images, one after the other; the next is embedded while prompts of one are answered.
 * @throws OperatorError when the service does not answer as it should, and what `signal` is aborted with
 */
export async function evaluateModel(
  model: string,
  images: readonly LabelledImage[],
  options: EvaluationOptions,
): Promise<ModelResult> {
  const { journal, skipped, signal, onImage } = options;
  const worst = new Worst(options.worst);
  const all: MeasuredObject[] = [];
  let ahead: Promise<EmbeddedImage> | undefined;
  for (const [i, image] of images.entries()) {
    let entry = journal.find(model, image.name);
    if (!entry) {
      signal.throwIfAborted();
      const embedding = ahead ?? embed(model, image, options);
      const next = images[i + 1];
      ahead = next && !journal.find(model, next.name) ? embed(model, next, options) : undefined;
      // Whoever awaits it hears of it; until then it is no error of the process.
      ahead?.catch(() => {});
      entry = await measureImage(model, image, embedding, worst, options);
      journal.add(entry);
    } else {
      for (const shown of entry.objects ?? []) worst.add(shown);
    }
    const objects = (entry.objects ?? []).map(({ object }) => object);
    all.push(...objects);
    const lost = entry.fault ? image.objects.length : 0;
    if (entry.fault) {
      const { reason, message } = entry.fault;
      skipped.once(image.name, reason, `${image.name}: ${message}`, lost);
    }
    onImage(objects, lost);
  }
  return { model, objects: all, worst };
}

async function embed(
  model: string,
  { path, objects }: LabelledImage,
  { service }: EvaluationOptions,
): Promise<EmbeddedImage> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new LabelFault('image is missing', error.message);
  });
  const embedded = await service.embed(bytes, model);
  const { width, height } = embedded;
  for (const label of objects) {
    if (label.width === width && label.height === height) continue;
    const message = `it has ${width}x${height} pixels, its label ${label.width}x${label.height}`;
    throw new LabelFault('image has another size', message);
  }
  return embedded;
}

async function measureImage(
  model: string,
  image: LabelledImage,
  embedding: Promise<EmbeddedImage>,
  worst: Worst,
  { service, seed }: EvaluationOptions,
): Promise<JournalEntry> {
  const place = { model, image: image.name };
  try {
    const measured = await measureObjects(
      service,
      await embedding,
      image.name,
      image.objects,
      seed,
    );
    return { ...place, objects: measured.map((one) => worst.add(one)) };
  } catch (fault) {
    if (!(fault instanceof LabelFault)) throw fault;
    return { ...place, fault: { reason: fault.reason, message: fault.message } };
  }
}
