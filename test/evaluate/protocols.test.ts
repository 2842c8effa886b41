import t from 'tap';
import { measureObjects } from '#src/evaluate/measure.js';
import { type MeasuredObject, sizeOf } from '#src/evaluate/measured.js';
import { hastyBox, normals } from '#src/evaluate/noise.js';
import { ServiceClient } from '#src/evaluate/service-client.js';
import { differences, summarize } from '#src/evaluate/summary.js';
import type { LabelledObject } from '#src/labels/labelled-object.js';
import { runsOf } from '../fixtures/bitmap.js';
import { IMAGE, isObject, rowsService } from './fixtures/rows-service.js';

const object: LabelledObject = {
  ...{ id: '7', image: 'a.jpg', ...IMAGE, area: 25, pixels: 25, box: [1, 1, 6, 6] },
  mask: () => runsOf(IMAGE.width, IMAGE.height, isObject),
};

async function measured(): Promise<MeasuredObject> {
  const { send } = rowsService();
  const embedded = { id: 'rows:1', ...IMAGE };
  const [only] = await measureObjects(new ServiceClient(send), embedded, 'a.jpg', [object], 0);
  if (!only) throw new Error('nothing was measured');
  return only.object;
}

t.test('one click, the oracle and the box', async (t) => {
  const { point, oracle, box, size } = await measured();
  // The row of the inmost pixel: 5 of 25.
  t.strictSame(point, { iou: 0.2, predicted_iou: 0.55 });
  t.strictSame(oracle, { iou: 1, predicted_iou: 0.5 });
  t.strictSame(box, { iou: 1, predicted_iou: 0.95, prompt: [1, 1, 6, 6] });
  t.equal(size, 'small');
});

t.test('clicks follow the largest error', async (t) => {
  const { clicks } = await measured();
  t.strictSame(clicks, {
    // The centre; rows 1 and 2, which come before 4 and 5; those; row 2 before row 5; the last.
    clicks: [
      [3, 3, 1],
      [1, 1, 1],
      [1, 4, 1],
      [1, 2, 1],
      [1, 5, 1],
    ],
    iou: [0.2, 0.4, 0.6, 0.8, 1],
    predicted_iou: [0.55, 0.55, 0.55, 0.55, 0.55],
  });
});

t.test('logits are those of the mask before', async (t) => {
  const { clicks_with_logits } = await measured();
  // Rows 3 and, by the logits, 4; then 1 and what it brings.
  t.strictSame(clicks_with_logits.clicks.slice(0, 2), [
    [3, 3, 1],
    [1, 1, 1],
  ]);
  t.strictSame(clicks_with_logits.iou, [0.2, 0.6, 1]);
});

t.test('the service is asked as SamPredictor is', async (t) => {
  const { send, asked } = rowsService();
  const embedded = { id: 'rows:1', ...IMAGE };
  await measureObjects(new ServiceClient(send), embedded, 'a.jpg', [object], 0);
  t.strictSame(asked[0], { point_coords: [[3, 3]], point_labels: [1], multimask_output: true });
  t.ok(
    asked.some(({ box }) => box?.join() === '1,1,6,6'),
    'the edges of the pixels',
  );
  const second = {
    point_coords: [
      [3, 3],
      [1, 1],
    ],
    point_labels: [1, 1],
    multimask_output: false,
  };
  const twice = asked.filter(({ point_coords }) => point_coords?.length === 2);
  t.strictSame(twice, [second, { ...second, mask_input: { token: '3' } }]);
});

t.test('mistaken pixels are clicked away, and not twice', async (t) => {
  const { send } = rowsService();
  const embedded = { id: 'rows:1', ...IMAGE };
  // The label is one pixel of row 3 and one of row 5: the service always gives all of a row.
  const label = { ...object, mask: () => runsOf(9, 7, (x, y) => x === 1 && (y === 3 || y === 5)) };
  const [only] = await measureObjects(new ServiceClient(send), embedded, 'a.jpg', [label], 0);
  const { clicks, iou } = only?.object.clicks ?? { clicks: [], iou: [] };
  // Row 3 is found, of which columns 2 to 5 are mistaken. All are as deep: one after the other, until none is left.
  t.strictSame(clicks.slice(0, 5), [
    [1, 3, 1],
    [2, 3, 0],
    [3, 3, 0],
    [4, 3, 0],
    [5, 3, 0],
  ]);
  t.equal(clicks.length, 5);
  t.strictSame(iou, Array(5).fill(1 / 6));
  const { noc, iou: means } = summarize(only ? [only.object] : []);
  t.equal(means['clicks_10']?.all.mean, 1 / 6);
  t.match(noc['clicks_90'], { clicks: { all: { mean: 20 } }, unreached: { all: 1, small: 1 } });
});

t.test('the noise of boxes', async (t) => {
  // By Python: sha256("0:7"), struct.unpack(">8I", ...), then the formula of docs/evaluation.md.
  const expected = [
    -1.799925539582003, 0.8932541715383572, -1.0813304496181355, 0.8951997964167445,
  ];
  for (const [i, draw] of normals('0:7').entries()) {
    t.ok(Math.abs(draw - (expected[i] as number)) < 1e-12, `${draw}`);
  }
  const image = { width: 2048, height: 1024 };
  const box = hastyBox([400, 200, 600, 300], image, 0, '7');
  // Half the size in the frame: 10 % of 100 and 50 there, 20 and 10 in the image, 40 at most.
  const moved = [20, 10, 20, 10].map((side, i) => {
    const by = Math.max(-40, Math.min(40, side * (expected[i] as number)));
    return ([400, 200, 600, 300][i] as number) + by;
  });
  for (const [i, at] of box.entries()) t.ok(Math.abs(at - (moved[i] as number)) < 1e-9, `${at}`);
  t.notSame(hastyBox([400, 200, 600, 300], image, 1, '7'), box, 'another seed, another box');
  const whole = hastyBox([0, 0, 800, 534], { width: 800, height: 534 }, 3, '9');
  t.ok(whole[0] >= 0 && whole[1] >= 0 && whole[2] <= 800 && whole[3] <= 534, whole.join());
});

t.test('sizes', async (t) => {
  t.strictSame([1023.9, 1024, 9215, 9216].map(sizeOf), ['small', 'medium', 'medium', 'large']);
});

t.test('means, standard errors, clicks to a target and calibration', async (t) => {
  const one = await measured();
  const score = (iou: number, predicted_iou: number) => ({ iou, predicted_iou });
  const clicks = { clicks: [[0, 0, 1]] as const, iou: [0.7], predicted_iou: [0.7] };
  const two: MeasuredObject = {
    ...{ ...one, id: '8', size: 'large', point: score(0.6, 0.85), clicks },
  };
  const { iou, noc, calibration } = summarize([one, two]);
  // (0.2 + 0.6) / 2; the deviation is 0.4 / √2, over √2.
  t.match(iou['point']?.all, { n: 2, mean: 0.4 });
  t.ok(Math.abs((iou['point']?.all.standard_error ?? 0) - 0.2) < 1e-15);
  t.strictSame(iou['point']?.small, { n: 1, mean: 0.2, standard_error: null });
  t.strictSame(iou['point']?.medium, { n: 0, mean: null, standard_error: null });
  t.equal(iou['clicks_3']?.all.mean, (0.6 + 0.7) / 2, 'the last mask stays');
  t.equal(iou['clicks_10']?.all.mean, 0.85);
  t.match(noc['clicks_85'], {
    clicks: { all: { mean: 12.5 }, small: { mean: 5 }, large: { mean: 20 } },
    unreached: { all: 1, small: 0, medium: 0, large: 1 },
  });
  t.match(noc['clicks_with_logits_90'], { clicks: { all: { mean: 3 } }, unreached: { all: 0 } });
  // Bins 0.5..0.6 with 0.55 against 0.2, 0.8..0.9 with 0.85 against 0.6.
  const of = calibration['point'];
  t.strictSame(
    of?.bins.map(({ from, n, predicted_iou, iou }) => [from, n, predicted_iou, iou]),
    [
      [0.5, 1, 0.55, 0.2],
      [0.8, 1, 0.85, 0.6],
    ],
  );
  t.ok(Math.abs((of?.expected_calibration_error ?? 0) - 0.3) < 1e-15);
  t.ok(Math.abs((of?.bias ?? 0) - 0.3) < 1e-15);
  t.ok(Math.abs((of?.correlation ?? 0) - 1) < 1e-12);
  const gain = differences([two, one], [{ ...two, point: score(0.5, 1) }, one])['point'];
  t.ok(Math.abs((gain?.all.mean ?? 0) - 0.05) < 1e-15);
});
