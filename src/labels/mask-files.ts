import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, parse, sep } from 'node:path';
import { OperatorError } from '../core/errors.js';
import type { ImageSize } from '../core/image.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import { declaredSize } from '../image/declared-size.js';
import { decodeImage } from '../image/decode.js';
import { extentOf } from '../masks/extent.js';
import { decodePng } from '../masks/formats/png.js';
import { compress, decompress, fromImage } from '../masks/formats/rle.js';
import { type LabelledObject, MOST_PIXELS } from './labelled-object.js';
import { LabelFault, type Labels, Skipped } from './skipped.js';

/** Names of photographs. */
export const IMAGES = /\.(jpe?g|png|webp|avif)$/i;
const MASKS = /\.png$/i;
/** Objects that one mask has room for: more colours than this are a photograph's. */
const MOST_COLOURS = 255;

/**
 * The objects of a folder of masks: PNG files, each with an image of the same path in the other folder, such as
 * `bear/00000.png` with `bear/00000.jpg`. They come in the order of their paths.
 * @param objects `one` of each file, which is what `decodePng` takes for its inside; or one of each `colour` but black,
 *   in the order of their numbers 0xrrggbb, as the files of DAVIS 2017 have them.
 * @throws OperatorError when a folder is not there, or two images have the same name
 */
export async function readMaskFiles(
  masks: string,
  images: string,
  objects: 'one' | 'colour' = 'one',
): Promise<Labels> {
  const skipped = new Skipped();
  const pictures = new Map<string, string>();
  for (const file of filesIn(images, IMAGES)) {
    const name = withoutEnding(file);
    const other = pictures.get(name);
    if (other) throw new OperatorError(`${images}: ${other} and ${file} have the same name`);
    pictures.set(name, file);
  }
  const found: LabelledObject[] = [];
  for (const file of filesIn(masks, MASKS)) {
    const picture = pictures.get(withoutEnding(file));
    if (!picture) {
      skipped.add('image is missing', `${file}: no image of that name in ${images}`);
      continue;
    }
    try {
      const bytes = readFileSync(join(masks, file));
      const read = objects === 'one' ? await readWhole(bytes) : await readColours(bytes);
      for (const [name, runs] of read.masks) {
        const id = `${file}${name}`;
        skipped.attempt(id, () => found.push(objectOf(id, join(images, picture), read, runs)));
      }
    } catch (fault) {
      skipped.note(fault, file);
    }
  }
  return { objects: found, skipped };
}

/** An object as its mask has it. @throws LabelFault where there is too little of it */
function objectOf(
  id: string,
  image: string,
  { width, height }: ImageSize,
  runs: RunLengths,
): LabelledObject {
  const { area, bbox } = extentOf(runs, height);
  if (area === 0) throw new LabelFault('mask is empty', 'no pixel is inside');
  if (area === 1) throw new LabelFault('mask has one pixel', `at ${bbox[0]}, ${bbox[1]}`);
  const text = compress(runs);
  return {
    ...{ id, image, width, height, area, pixels: area },
    box: [bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]],
    mask: () => decompress(text),
  };
}

/** Paths in a folder and those below, with `/` between their parts, sorted by their bytes. */
function filesIn(folder: string, ending: RegExp): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new OperatorError(`${folder}: there is no such folder`);
  }
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = paths.filter((path) => ending.test(path) && isFile(join(folder, path)));
  return files.map((path) => path.replaceAll(sep, '/')).sort();
}

/** A link to nothing is none. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function withoutEnding(path: string): string {
  const { dir, name } = parse(path);
  return `${dir}/${name}`;
}

interface ReadMasks extends ImageSize {
  /** By what tells them apart in the file. */
  readonly masks: readonly (readonly [name: string, runs: RunLengths])[];
}

async function readWhole(file: Buffer): Promise<ReadMasks> {
  const size = sizeOf(file);
  const runs = await decodePng(file, size);
  if (runs) return { ...size, masks: [['', runs]] };
  throw unreadable('it is damaged');
}

async function readColours(file: Buffer): Promise<ReadMasks> {
  sizeOf(file);
  const { data, width, height } = await decodeImage(file, { maxPixels: MOST_PIXELS }).catch(() => {
    throw unreadable('it is damaged');
  });
  const pixels = new Uint8Array(width * height);
  const places = new Map<number, number>();
  for (let i = 0; i < pixels.length; i++) {
    const [r, g, b] = [data[3 * i], data[3 * i + 1], data[3 * i + 2]] as [number, number, number];
    const colour = (r << 16) | (g << 8) | b;
    if (colour === 0) continue;
    let place = places.get(colour);
    if (place === undefined) {
      place = places.size + 1;
      if (place > MOST_COLOURS) throw unreadable('it has too many colours for a file of objects');
      places.set(colour, place);
    }
    pixels[i] = place;
  }
  if (places.size === 0) throw new LabelFault('mask is empty', 'all of it is black');
  const masks = [...places].sort(([a], [b]) => a - b);
  return {
    ...{ width, height },
    masks: masks.map(([colour, place]) => {
      const own = pixels.map((value) => (value === place ? 1 : 0));
      return [`#${colour.toString(16).padStart(6, '0')}`, fromImage(own, { width, height }, 0)];
    }),
  };
}

function sizeOf(file: Buffer): ImageSize {
  const size = declaredSize(file);
  if (!size) throw unreadable('it is no PNG');
  const { width, height } = size;
  if (width * height === 0 || width * height > MOST_PIXELS) {
    throw unreadable(`${width}x${height} pixels are none or too many`);
  }
  return size;
}

function unreadable(message: string): LabelFault {
  return new LabelFault('mask is unreadable', message);
}
