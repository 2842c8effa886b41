import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readCoco } from '#src/labels/coco.js';

const IMAGE = { id: 1, file_name: 'a.jpg', width: 8, height: 6 };

/** A folder with an image that nobody opens, and a file of these annotations. */
function coco(t: Test, annotations: unknown, others: object = {}) {
  const folder = t.testdir({ 'a.jpg': 'no image yet' });
  const file = join(folder, 'coco.json');
  const categories = [{ id: 3, name: 'cup' }];
  writeFileSync(file, JSON.stringify({ images: [IMAGE], annotations, categories, ...others }));
  return () => readCoco(file, folder);
}

const SQUARE = [[1, 1, 4, 1, 4, 4, 1, 4]];
const object = { id: 7, image_id: 1, category_id: 3, segmentation: SQUARE };

t.test('polygons, numbers and characters are the same object', async (t) => {
  const counts = [7, 3, 3, 3, 3, 3, 26];
  const forms = [SQUARE, { size: [6, 8], counts }, { size: [6, 8], counts: '733000g0' }];
  const annotations = forms.map((segmentation, i) => ({
    ...object,
    id: i,
    segmentation,
    area: 9.5,
  }));
  const { objects, skipped } = coco(t, annotations)();
  t.equal(skipped.count, 0, JSON.stringify(skipped.reasons));
  t.equal(objects.length, 3);
  for (const { mask, image, ...known } of objects) {
    t.strictSame(mask(), counts);
    t.match(image, /a\.jpg$/);
    t.match(known, {
      width: 8,
      height: 6,
      category: 'cup',
      area: 9.5,
      pixels: 9,
      box: [1, 1, 4, 4],
    });
  }
});

t.test('several polygons are one object, cut to the image', async (t) => {
  const segmentation = [...SQUARE, [3, 3, 10, 3, 10, 10, 3, 10]];
  const { objects } = coco(t, [{ ...object, segmentation }])();
  t.match(objects, [{ pixels: 9 + 5 * 3 - 1, box: [1, 1, 8, 6], area: 23, id: '7' }]);
});

t.test('what cannot be used is counted and told', async (t) => {
  const rle = (counts: unknown, size: unknown = [6, 8]) => ({ size, counts });
  const bad: [string, object][] = [
    ['is a crowd', { iscrowd: 1, segmentation: rle([0, 48]) }],
    ['is there twice', { id: 7 }],
    ['image is missing', { image_id: 2 }],
    ['image is missing', { image_id: 5 }],
    ['image is missing', { image_id: 6 }],
    ['box is out of range', { bbox: [5, 1, 9, 4] }],
    ['box is out of range', { bbox: [1, 1, 0, 4] }],
    ['box is out of range', { bbox: [1, 1, null, 4] }],
    ['mask is empty', { segmentation: [] }],
    ['mask is empty', { segmentation: [[9, 1, 12, 1, 12, 4]] }],
    ['mask is empty', { segmentation: rle([48]) }],
    ['mask has one pixel', { segmentation: rle([3, 1, 44]) }],
    ['annotation is broken', { id: null }],
    ['annotation is broken', { segmentation: undefined }],
    ['annotation is broken', { segmentation: 'text' }],
    ['annotation is broken', { segmentation: [1, 1, 4, 1, 4, 4] }],
    ['annotation is broken', { segmentation: [[1, 1, 4, 1]] }],
    ['annotation is broken', { segmentation: [[1, 1, 4, 1, 4, null]] }],
    ['annotation is broken', { segmentation: [[1, 1, 4e9, 1, 4, 4]] }],
    ['annotation is broken', { segmentation: rle([3, 1, 43]) }],
    ['annotation is broken', { segmentation: rle([50, -2]) }],
    ['annotation is broken', { segmentation: rle([40, 8], [8, 6]) }],
    ['annotation is broken', { segmentation: rle('ä') }],
    ['annotation is broken', { segmentation: rle('7') }],
    ['annotation is broken', { segmentation: rle({}) }],
  ];
  const annotations = bad.map(([, fields], i) => ({ ...object, id: 100 + i, ...fields }));
  const images = [
    IMAGE,
    { ...IMAGE, id: 2, file_name: 'gone.jpg' },
    { ...IMAGE, id: 5, file_name: '../coco.json' },
    { ...IMAGE, id: 6, width: 0 },
    { ...IMAGE, id: 8, width: 1e7, height: 1e7 },
    IMAGE,
  ];
  const { objects, skipped } = coco(t, [object, ...annotations, null], { images })();
  t.match(objects, [{ id: '7' }]);
  t.equal(objects.length, 1);
  t.equal(skipped.count, bad.length + 1);
  const expected = new Map<string, number>([['annotation is broken', 1]]);
  for (const [reason] of bad) expected.set(reason, (expected.get(reason) ?? 0) + 1);
  for (const { reason, count, examples } of skipped.reasons) {
    t.equal(count, expected.get(reason), `${reason}: ${examples.join('; ')}`);
  }
  const broken = skipped.reasons.find(({ reason }) => reason === 'annotation is broken');
  const told = broken?.examples.join('\n');
  for (const id of [6, 8]) {
    t.match(told, `image ${id}: needs id, file_name, and whole width and height`);
  }
});

t.test('what is no COCO file is refused', async (t) => {
  const folder = t.testdir({ text: 'text', list: '[]', none: '{"images": []}' });
  t.throws(() => readCoco(join(folder, 'gone'), folder), /gone cannot be read as JSON/);
  t.throws(() => readCoco(join(folder, 'text'), folder), /cannot be read as JSON/);
  t.throws(() => readCoco(join(folder, 'list'), folder), /is no COCO file/);
  t.throws(() => readCoco(join(folder, 'none'), folder), /has no list "annotations"/);
  t.throws(() => readCoco(join(folder, 'none'), join(folder, 'gone')), /no such folder of images/);
});

t.test('images in folders, and objects image by image', async (t) => {
  const images = [{ ...IMAGE, id: 'b', file_name: 'sub/b.jpg' }, IMAGE];
  const read = coco(t, [object, { ...object, id: 8, image_id: 'b' }, { ...object, id: 9 }], {
    images,
  });
  mkdirSync(join(t.testdirName, 'sub'));
  writeFileSync(join(t.testdirName, 'sub', 'b.jpg'), '');
  t.strictSame(
    read().objects.map(({ id }) => id),
    ['8', '7', '9'],
  );
});
