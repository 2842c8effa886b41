import { readFile } from 'node:fs/promises';
import { SamError } from '../../core/errors.js';
import { type ImageSize, preprocessShape } from '../../core/image.js';
import type { LabelledObject } from '../../labels/labelled-object.js';
import type { Skipped } from '../../labels/skipped.js';
import { toImage } from '../../masks/formats/rle.js';
import { DECODER } from '../../sam/architecture.js';
import { lowResLabel, type PackedLabel, packLabel, unpackLabel } from '../low-res-label.js';
import type { TrainingObject } from '../run/simulated-user.js';
import type { EmbeddedImage, Embedder } from './embedder.js';

/** An image that was embedded, with its objects. */
export interface TrainingImage extends EmbeddedImage {
  readonly objects: readonly PreparedObject[];
}

/** An object that can be trained on. */
export interface PreparedObject extends Pick<LabelledObject, 'id' | 'mask'> {
  readonly label: PackedLabel;
  /** In the model's frame. */
  readonly box: TrainingObject['box'];
}

/** The paper leaves out what covers more of an image. */
const MOST = 0.9;

/**
 * Embeds an image and prepares its objects. What cannot be trained on is skipped, and said.
 * @param objects of one image, at least one.
 * @returns undefined when nothing is left of it.
 */
export async function prepare(
  objects: readonly LabelledObject[],
  embedder: Embedder,
  skipped: Skipped,
): Promise<TrainingImage | undefined> {
  const usable = objects.flatMap((object) => prepareObject(object, skipped));
  const [first] = objects as [LabelledObject];
  if (usable.length === 0) return undefined;
  let embedded: EmbeddedImage;
  try {
    embedded = await embedder.embed(await readFile(first.image));
  } catch (error) {
    if (!(error instanceof SamError)) throw error;
    skipped.add('image is unreadable', `${first.image}: ${error.message}`, usable.length);
    return undefined;
  }
  const { width, height } = embedded.size;
  if (width === first.width && height === first.height) return { ...embedded, objects: usable };
  const what = `${first.image} has ${width}x${height} pixels, its labels ${first.width}x${first.height}`;
  skipped.add('image has another size', what, usable.length);
  return undefined;
}

function prepareObject(object: LabelledObject, skipped: Skipped): PreparedObject[] {
  const { id, mask, box } = object;
  const image: ImageSize = object;
  if (object.pixels > MOST * image.width * image.height) {
    skipped.add('mask covers the image', `${id}: more than ${100 * MOST} % of it`);
    return [];
  }
  const label = lowResLabel(toImage(mask(), image), image);
  if (!label.cells.includes(1)) {
    skipped.add('mask is too thin', `${id}: of 256x256 cells, none is half covered by it`);
    return [];
  }
  const frame = preprocessShape(image, DECODER.imageSize);
  const scales = [frame.width / image.width, frame.height / image.height];
  const scaled = box.map((at, i) => at * (scales[i % 2] as number));
  return [{ id, mask, label: packLabel(label), box: scaled as [number, number, number, number] }];
}

/** The object as a simulated user sees it. */
export function unpackObject({ label, box }: PreparedObject): TrainingObject {
  return { label: unpackLabel(label), box };
}
