import t from 'tap';
import type { DetectorOutput } from '#src/core/find/detection.js';
import { Features, toFeatures } from '#src/detections/features.js';
import { selectDetections, selectProposals } from '#src/detections/selection.js';

const A = Float32Array.of(1, 0);
const B = Float32Array.of(0, 1);
const FRAME = { image: { width: 100, height: 50 }, isPadded: true };
const LIMITS = { threshold: 0.5, nms: 0.5, most: 10 };

/** Patches that are like A as far as `likeness` says, and else like B. */
function features(
  patches: readonly { box: readonly number[]; likeness: number; objectness?: number }[],
): Features {
  const each = <T>(take: (patch: (typeof patches)[number]) => T) => patches.map(take);
  const output: DetectorOutput = {
    classEmbeds: Float32Array.from(
      each(({ likeness }) => [3 * likeness, 3 * Math.sqrt(1 - likeness ** 2)]).flat(),
    ),
    boxes: Float32Array.from(each(({ box }) => [...box]).flat()),
    logitShift: new Float32Array(patches.length),
    logitScale: new Float32Array(patches.length).fill(2),
    objectness: Float32Array.from(each(({ objectness = 0 }) => objectness)),
  };
  return new Features(toFeatures(output, 'float32'));
}

const LEFT = [0.2, 0.2, 0.2, 0.2];
const RIGHT = [0.8, 0.2, 0.2, 0.2];

t.test('each patch answers the query that is nearest to it', async (t) => {
  const found = selectDetections(
    features([
      { box: LEFT, likeness: 1 },
      { box: RIGHT, likeness: 0 },
    ]),
    [A, B],
    FRAME,
    LIMITS,
  );
  t.match(found, [
    { patch: 0, label: 0 },
    { patch: 1, label: 1 },
  ]);
  const score = 1 / (1 + Math.exp(-2));
  t.ok(found.every((each) => Math.abs(each.score - score) < 1e-5));
  t.ok(found[0]?.box.every((side, i) => Math.abs(side - ([10, 10, 30, 30][i] as number)) < 1e-4));
});

t.test('other queries never change a score', async (t) => {
  const one = features([{ box: LEFT, likeness: 0.7 }]);
  const [alone] = selectDetections(one, [A], FRAME, { ...LIMITS, threshold: 0 });
  const [among] = selectDetections(one, [B.map((x) => -x), A], FRAME, { ...LIMITS, threshold: 0 });
  t.equal(among?.score, alone?.score);
  t.equal(among?.label, 1);
});

t.test('a score at the threshold is not above it', async (t) => {
  const one = features([{ box: LEFT, likeness: 0.5 }]);
  const [found] = selectDetections(one, [A], FRAME, { ...LIMITS, threshold: 0 });
  const at = (threshold: number) => selectDetections(one, [A], FRAME, { ...LIMITS, threshold });
  t.equal(at(found?.score as number).length, 0);
  t.equal(at((found?.score as number) - 1e-9).length, 1);
});

t.test(
  'of boxes that overlap the best stays, whatever their labels; ties go by patch',
  async (t) => {
    const patches = [
      { box: LEFT, likeness: 0.8 },
      { box: LEFT, likeness: 0 },
      { box: [0.25, 0.2, 0.2, 0.2], likeness: 1 },
      { box: RIGHT, likeness: 0.9 },
      { box: RIGHT, likeness: 0.9 },
    ];
    const found = selectDetections(features(patches), [A, B], FRAME, LIMITS);
    // The IoU of 0.6 is above 0.5; with B, patch 1 scores as high as patch 2 with A.
    t.same(
      found.map(({ patch }) => patch),
      [1, 3],
    );
    const all = selectDetections(features(patches), [A, B], FRAME, { ...LIMITS, nms: 1 });
    t.same(
      all.map(({ patch }) => patch),
      [1, 2, 3, 4, 0],
    );
    const two = selectDetections(features(patches), [A, B], FRAME, { ...LIMITS, nms: 1, most: 2 });
    t.same(
      two.map(({ patch }) => patch),
      [1, 2],
    );
  },
);

t.test('boxes end where the image does, and those beside it are none', async (t) => {
  const patches = [
    { box: [0, 0.45, 0.2, 0.3], likeness: 1 },
    { box: [0.5, 0.8, 0.2, 0.2], likeness: 1 },
    { box: [-0.2, 0.2, 0.2, 0.2], likeness: 1 },
  ];
  const found = selectDetections(features(patches), [A], FRAME, LIMITS);
  t.equal(found.length, 1);
  t.ok(found[0]?.box.every((side, i) => Math.abs(side - ([0, 30, 10, 50][i] as number)) < 1e-4));
  // Stretched to the square, the image is all of it.
  const stretched = selectDetections(features(patches), [A], { ...FRAME, isPadded: false }, LIMITS);
  t.same(
    stretched.map(({ patch }) => patch),
    [0, 1],
  );
  t.match(stretched[1]?.box.map(Math.round), [40, 35, 60, 45]);
});

t.test('nobody asked for anything', async (t) => {
  t.same(selectDetections(features([{ box: LEFT, likeness: 1 }]), [], FRAME, LIMITS), []);
});

t.test('proposals are the boxes that most likely hold anything', async (t) => {
  const three = features([
    { box: LEFT, likeness: 0, objectness: -1 },
    { box: RIGHT, likeness: 1, objectness: -2 },
    { box: [0.21, 0.2, 0.2, 0.2], likeness: 1, objectness: 3 },
    { box: [0.5, 0.9, 0.1, 0.1], likeness: 1, objectness: 9 },
  ]);
  const found = selectProposals(three, FRAME, { nms: 0.7, most: 10 }) ?? [];
  t.same(
    found.map(({ box }) => box.map(Math.round)),
    [
      [11, 10, 31, 30],
      [70, 10, 90, 30],
    ],
    'one of two that overlap, and none beside the image',
  );
  t.ok(Math.abs((found[0]?.objectness ?? 0) - 1 / (1 + Math.exp(-3))) < 1e-6);
  t.equal(selectProposals(three, FRAME, { nms: 1, most: 2 })?.length, 2);
  const blind = features([{ box: LEFT, likeness: 1, objectness: Number.NaN }]);
  t.equal(selectProposals(blind, FRAME, { nms: 1, most: 2 }), undefined);
});
