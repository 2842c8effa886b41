import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeImage } from '../../image/encode-png.js';
import { extentOf } from '../../masks/extent.js';
import { compress, fromImage } from '../../masks/formats/rle.js';
import { randomFor } from '../random.js';
import { drawScene } from './scene.js';

/** A file of COCO instances and the folder of its images. */
export interface DemoFiles {
  readonly coco: string;
  readonly images: string;
}

/** Drawings to train on, and others, of other seeds, to look at before and after. */
const SETS = { train: 40, 'held-out': 15 } as const;

/** Draws both sets into a folder, unless they are there: they are the same each time. */
export async function drawDemo(folder: string): Promise<{ train: DemoFiles; heldOut: DemoFiles }> {
  return { train: await drawSet(folder, 'train'), heldOut: await drawSet(folder, 'held-out') };
}

async function drawSet(folder: string, name: keyof typeof SETS): Promise<DemoFiles> {
  const files = { coco: join(folder, `${name}.json`), images: join(folder, name) };
  // Written last: with it, all of them are there.
  if (existsSync(files.coco)) return files;
  await mkdir(files.images, { recursive: true });
  const images: unknown[] = [];
  const annotations: unknown[] = [];
  for (let i = 0; i < SETS[name]; i++) {
    const { image, masks } = drawScene(randomFor('demo', name, i));
    const { width, height } = image;
    const file_name = `${String(i).padStart(3, '0')}.png`;
    await writeFile(join(files.images, file_name), await encodeImage(image));
    images.push({ id: i, file_name, width, height });
    for (const mask of masks) {
      const runs = fromImage(mask, image, 0);
      const counts = compress(runs);
      const { area, bbox } = extentOf(runs, height);
      const id = annotations.length + 1;
      const segmentation = { size: [height, width], counts };
      annotations.push({ id, image_id: i, category_id: 1, iscrowd: 0, area, bbox, segmentation });
    }
  }
  const categories = [{ id: 1, name: 'cell' }];
  await writeFile(`${files.coco}.part`, JSON.stringify({ images, annotations, categories }));
  await rename(`${files.coco}.part`, files.coco);
  return files;
}
