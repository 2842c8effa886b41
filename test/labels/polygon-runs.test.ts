import { readFileSync } from 'node:fs';
import t from 'tap';
import { segmentationRuns } from '#src/labels/segmentation.js';
import { compress } from '#src/masks/formats/rle.js';

interface Example {
  readonly width: number;
  readonly height: number;
  readonly polygons: readonly (readonly number[])[];
  /** `merge(frPyObjects(polygons, height, width))` of pycocotools 2.0.11. */
  readonly rle: string;
}

const FILE = new URL('fixtures/polygons.json', import.meta.url);

t.test('polygons cover the pixels that pycocotools says', async (t) => {
  for (const { width, height, polygons, rle } of JSON.parse(
    readFileSync(FILE, 'utf8'),
  ) as Example[]) {
    const runs = segmentationRuns(polygons, { width, height });
    t.equal(compress(runs), rle, `${polygons.length} polygons in ${width}x${height}`);
  }
});

t.test('two corners in one place, and a line that covers nothing', async (t) => {
  const square = [0, 0, 0, 0, 2, 0, 2, 2, 2, 2, 0, 2];
  t.strictSame(segmentationRuns([square], { width: 3, height: 3 }), [0, 2, 1, 2, 4]);
  t.strictSame(segmentationRuns([[1, 0, 1, 3, 1, 0]], { width: 3, height: 3 }), [9]);
});
