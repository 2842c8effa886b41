import { readFileSync, statSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { OperatorError } from '../core/errors.js';
import type { ImageSize } from '../core/image.js';
import { extentOf } from '../masks/extent.js';
import { type LabelledObject, MOST_PIXELS } from './labelled-object.js';
import { segmentationRuns } from './segmentation.js';
import { LabelFault, type Labels, Skipped } from './skipped.js';

/** Pixels by which rounding may move a box out of its image. */
const ROUNDING = 1;

interface CocoImage extends ImageSize {
  readonly path: string;
  readonly exists: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The objects of a file of COCO instances, image by image in the order of its `images`, those of an image in the order of
 * its `annotations`. Crowds are left out, and whatever cannot be used.
 * @param images the folder that `file_name` starts from.
 * @throws OperatorError when the file is no COCO JSON, or the folder is not there
 */
export function readCoco(file: string, images: string): Labels {
  if (!statSync(images, { throwIfNoEntry: false })?.isDirectory()) {
    throw new OperatorError(`${images}: there is no such folder of images`);
  }
  const coco = readJson(file);
  const skipped = new Skipped();
  const byId = readImages(listOf(coco, 'images', file), images, skipped);
  const names = new Map(
    (Array.isArray(coco['categories']) ? coco['categories'] : [])
      .filter(isObject)
      .map(({ id, name }) => [id, name] as const),
  );
  const found = new Map<unknown, LabelledObject[]>([...byId.keys()].map((id) => [id, []]));
  const ids = new Set<string>();
  for (const [place, annotation] of listOf(coco, 'annotations', file).entries()) {
    const id = isObject(annotation) ? annotation['id'] : undefined;
    skipped.attempt(`annotation ${id ?? `#${place}`}`, () => {
      const { image, object } = readAnnotation(annotation, byId, names, ids);
      ids.add(object.id);
      found.get(image)?.push(object);
    });
  }
  return { objects: [...found.values()].flat(), skipped };
}

function readJson(file: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new OperatorError(`${file} cannot be read as JSON: ${(error as Error).message}`);
  }
  if (isObject(value)) return value;
  throw new OperatorError(`${file} is no COCO file: it has no object at the top`);
}

function listOf(coco: Fields, name: string, file: string): readonly unknown[] {
  const list = coco[name];
  if (Array.isArray(list)) return list;
  throw new OperatorError(`${file} is no file of COCO instances: it has no list "${name}"`);
}

function readImages(
  entries: readonly unknown[],
  folder: string,
  skipped: Skipped,
): Map<unknown, CocoImage> {
  const root = resolve(folder);
  const images = new Map<unknown, CocoImage>();
  for (const [place, entry] of entries.entries()) {
    const { id, file_name, width, height } = isObject(entry) ? entry : {};
    const isSized = isSide(width) && isSide(height) && width * height <= MOST_PIXELS;
    if (!isId(id) || typeof file_name !== 'string' || !isSized) {
      // Nothing is lost by it: annotations of an image that is not there are counted themselves.
      const message = `image ${id ?? `#${place}`}: needs id, file_name, and whole width and height of ${MOST_PIXELS} pixels at most`;
      skipped.add('annotation is broken', message, 0);
    } else if (images.has(id)) {
      skipped.add('is there twice', `image ${id}: ${file_name}`, 0);
    } else {
      const path = resolve(root, file_name);
      const isInside = path.startsWith(root.endsWith(sep) ? root : root + sep);
      const exists = isInside && (statSync(path, { throwIfNoEntry: false })?.isFile() ?? false);
      images.set(id, { path, exists, width, height });
    }
  }
  return images;
}

function readAnnotation(
  annotation: unknown,
  images: ReadonlyMap<unknown, CocoImage>,
  names: ReadonlyMap<unknown, unknown>,
  taken: ReadonlySet<string>,
): { image: unknown; object: LabelledObject } {
  if (!isObject(annotation) || !isId(annotation['id'])) {
    throw new LabelFault('annotation is broken', 'it has no id, which is a number or text');
  }
  const { id, image_id, category_id, segmentation, iscrowd, bbox, area } = annotation;
  if (iscrowd === 1 || iscrowd === true) throw new LabelFault('is a crowd', 'iscrowd');
  if (taken.has(String(id))) throw new LabelFault('is there twice', 'its id is taken');
  const image = images.get(image_id);
  if (!image) {
    throw new LabelFault('image is missing', `image ${image_id} is not among the file's images`);
  }
  const { path, exists, width, height } = image;
  if (!exists) throw new LabelFault('image is missing', `${path} is not there`);
  checkBox(bbox, image);
  const mask = () => segmentationRuns(segmentation, image);
  const { area: pixels, bbox: extent } = extentOf(mask(), height);
  if (pixels === 0) throw new LabelFault('mask is empty', 'no pixel of the image is inside');
  if (pixels === 1) throw new LabelFault('mask has one pixel', `at ${extent[0]}, ${extent[1]}`);
  const category = names.get(category_id);
  const object: LabelledObject = {
    ...{ id: String(id), image: path, width, height, pixels, mask },
    ...(typeof category === 'string' && { category }),
    area: typeof area === 'number' && area > 0 ? area : pixels,
    box: [extent[0], extent[1], extent[0] + extent[2], extent[1] + extent[3]],
  };
  return { image: image_id, object };
}

/** What is asked is the mask's own box: a `bbox` that cannot be only tells that something is wrong with the object. */
function checkBox(bbox: unknown, { width, height }: ImageSize): void {
  if (bbox === undefined || bbox === null) return;
  const numbers = Array.isArray(bbox) && bbox.length === 4 && bbox.every(Number.isFinite);
  const [x, y, w, h] = numbers ? (bbox as [number, number, number, number]) : [0, 0, 0, 0];
  const isInside =
    w > 0 &&
    h > 0 &&
    Math.min(x, y) >= -ROUNDING &&
    x + w <= width + ROUNDING &&
    y + h <= height + ROUNDING;
  if (isInside) return;
  throw new LabelFault(
    'box is out of range',
    `${JSON.stringify(bbox)} is no x, y, width, height in an image of ${width}x${height}`,
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is string | number {
  return typeof value === 'number' || typeof value === 'string';
}

function isSide(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
