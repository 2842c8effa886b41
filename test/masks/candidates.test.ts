import t from 'tap';
import { type CandidatesTask, EVERYTHING_DEFAULTS } from '#src/core/everything.js';
import type { Box } from '#src/core/prompt.js';
import { boxNms } from '#src/masks/box-nms.js';
import { candidateOf, selectCandidates, tidyMasks } from '#src/masks/candidates.js';
import { postprocessMask } from '#src/masks/postprocess.js';
import { compress, decompress, toImage } from '#src/masks/rle.js';
import { runsOf } from '../fixtures/bitmap.js';

t.test('non-maximum suppression', async (t) => {
  // The first two share 81 of 119 pixels: an IoU of 0.68.
  const boxes: Box[] = [
    [1, 1, 11, 11],
    [0, 0, 10, 10],
    [50, 50, 60, 60],
  ];
  t.same(boxNms(boxes, [0.8, 0.9, 0.7], 0.7), [1, 0, 2], 'best first');
  t.same(boxNms(boxes, [0.8, 0.9, 0.7], 0.68), [1, 2]);
  t.same(boxNms(boxes, [0.9, 0.9, 0.9], 0.6), [0, 2], 'equals keep their order');
  t.same(boxNms([boxes[2], boxes[2]] as Box[], [1, 1], 1), [0, 1], 'not above');
  const point: Box = [5, 5, 5, 5];
  t.same(boxNms([point, point], [1, 1], 0), [0, 1], 'without area there is no overlap');
  t.same(boxNms([], [], 0.5), []);
});

const image = { width: 600, height: 400 };
/** A disc of logits in the middle of a crop that is `size`. */
function taskFor(crop: Box): CandidatesTask {
  const [x1, y1, x2, y2] = crop;
  const embedding = {
    ...{ id: 'id', model: 'm', fingerprint: 'f' },
    image: { width: x2 - x1, height: y2 - y1 },
    tensor: { dtype: 'float32', shape: [], bytes: new Uint8Array(0) } as const,
  };
  return { embedding, image, crop, points: [], parameters: EVERYTHING_DEFAULTS };
}
const disc = (cx: number, cy: number, radius: number) =>
  Float32Array.from({ length: 256 * 256 }, (_, i) => {
    return 30 * (radius - Math.hypot((i % 256) - cx, Math.floor(i / 256) - cy));
  });

t.test('a mask of a crop in its place in the image', async (t) => {
  const crop: Box = [200, 100, 456, 228];
  const task = taskFor(crop);
  const logits = disc(128, 60, 30);
  const candidate = candidateOf(logits, 0.9, [300, 160], task, 1024);
  const { counts, bbox } = postprocessMask(logits, task.embedding.image, 1024);
  const small = toImage(counts, task.embedding.image);
  const whole = toImage(decompress(candidate?.counts ?? ''), image);
  const moved = whole.findIndex((value, i) => {
    const [x, y] = [(i % 600) - 200, Math.floor(i / 600) - 100];
    const inside = x >= 0 && x < 256 && y >= 0 && y < 128;
    return value !== (inside ? small[y * 256 + x] : 0);
  });
  t.equal(moved, -1);
  const [x, y, width, height] = bbox;
  t.same(candidate?.box, [200 + x, 100 + y, 200 + x + width - 1, 100 + y + height - 1]);
});

t.test('what is cut off by an edge of the crop goes, what ends at the image stays', async (t) => {
  const atTheRight = disc(256, 60, 30);
  const inside = taskFor([200, 100, 456, 228]);
  t.equal(candidateOf(atTheRight, 0.9, [0, 0], inside, 1024), undefined);
  t.ok(candidateOf(atTheRight, 0.9, [0, 0], taskFor([344, 100, 600, 228]), 1024));
  // 19 pixels from the edge is near, 30 is not.
  t.equal(candidateOf(disc(208, 60, 30), 0.9, [0, 0], inside, 1024), undefined);
  t.ok(candidateOf(disc(194, 60, 30), 0.9, [0, 0], inside, 1024));
});

t.test('what is not stable goes', async (t) => {
  const task = taskFor([0, 0, 600, 400]);
  const soft = disc(128, 80, 30).map((logit) => logit / 60);
  t.equal(candidateOf(soft, 0.99, [0, 0], task, 1024), undefined);
});

t.test('of the same object in two crops, the smaller crop keeps it', async (t) => {
  const box: Box = [10, 10, 50, 50];
  const [large, small]: [Box, Box] = [
    [0, 0, 600, 400],
    [0, 0, 300, 200],
  ];
  const candidates = [
    { box, predicted_iou: 0.99, crop: large },
    { box, predicted_iou: 0.9, crop: small },
    { box, predicted_iou: 0.95, crop: small },
    { box: [200, 200, 300, 300] as const, predicted_iou: 0.9, crop: large },
  ];
  const parameters = { ...EVERYTHING_DEFAULTS, crop_n_layers: 1 };
  t.same(selectCandidates({ candidates, parameters }), [2, 3]);
});

t.test('masks without small regions are preferred to those that were cleaned', async (t) => {
  const square = (x: number, y: number) => x >= 10 && x < 40 && y >= 10 && y < 40;
  const speck = (x: number, y: number) => square(x, y) || (x === 50 && y === 50);
  const elsewhere = (x: number, y: number) => (x > 60 && y > 60) || (x === 0 && y === 0);
  const counts = [speck, square, elsewhere].map((inside) => compress(runsOf(90, 80, inside)));
  const parameters = { ...EVERYTHING_DEFAULTS, min_mask_region_area: 5 };
  const tidied = tidyMasks({ image: { width: 90, height: 80 }, counts, parameters });
  t.same(tidied, [
    { index: 1, counts: counts[1] },
    { index: 2, counts: compress(runsOf(90, 80, (x, y) => x > 60 && y > 60)) },
  ]);
});
