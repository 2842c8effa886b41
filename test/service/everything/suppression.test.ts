import t from 'tap';
import { EVERYTHING_DEFAULTS } from '#src/core/everything.js';
import type { Box } from '#src/core/prompt.js';
import { boxNms } from '#src/masks/box-nms.js';
import { Suppression } from '#src/service/everything/suppression.js';
import { callerOf } from '../../fixtures/caller.js';

/** A lane whose slices are as short as can be. */
const lane = { suppress: async (task: Parameters<typeof boxNms>[0]) => boxNms(task, () => true) };
const box: Box = [10, 10, 50, 50];

t.test('of the same object in two crops, the smaller crop keeps it', async (t) => {
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
  t.same(await new Suppression(lane, callerOf(), parameters).select(candidates), [2, 3]);
});

t.test('masks without small regions are preferred to those that were cleaned', async (t) => {
  const other: Box = [60, 60, 89, 79];
  const masks = [
    { counts: '', bytes: 1, box, changed: true },
    { counts: '', bytes: 1, box, changed: false },
    { counts: '', bytes: 1, box: other, changed: true },
  ];
  t.same(await new Suppression(lane, callerOf(), EVERYTHING_DEFAULTS).selectTidied(masks), [1, 2]);
});

t.test('boxes of one row or column are compared by their pixels', async (t) => {
  const boxes: Box[] = [
    [3, 0, 3, 0],
    [3, 0, 3, 0],
    [0, 0, 9, 0],
    [0, 0, 9, 0],
    [1, 0, 9, 0],
    [5, 0, 9, 0],
    [0, 0, 0, 9],
    [0, 0, 0, 9],
    [0, 2, 9, 2],
  ];
  const task = {
    boxes: Float64Array.from(boxes.flat()),
    scores: Float64Array.from(boxes, (_, i) => 1 - i / 10),
    groups: new Int32Array(boxes.length),
    ...{ threshold: 0.7, from: 0, kept: [] },
  };
  // Of 10 pixels and 9 of them the IoU is 0.9; of 10 and 5 of them 0.5.
  t.same(boxNms(task).kept, [0, 2, 5, 6, 8]);
});
