import t from 'tap';
import { type CandidatesTask, EVERYTHING_DEFAULTS } from '#src/core/everything.js';
import type { Box } from '#src/core/prompt.js';
import { boxNms } from '#src/masks/box-nms.js';
import { candidateOf, tidyMask } from '#src/masks/candidates.js';
import { compress, decompress, toImage } from '#src/masks/formats/rle.js';
import { maskBytes } from '#src/masks/mask-bytes.js';
import { postprocessMask } from '#src/masks/postprocess.js';
import { runsOf } from '../fixtures/bitmap.js';

const FRAME = { side: 1024, resize: 'longest_side' } as const;

/** As `boxNms` takes them: one group unless `groups` says otherwise. */
function task(
  boxes: readonly Box[],
  scores: readonly number[],
  threshold: number,
  groups = scores.map(() => 0),
) {
  return {
    boxes: Float64Array.from(boxes.flat()),
    scores: Float64Array.from(scores),
    groups: Int32Array.from(groups),
    threshold,
    from: 0,
    kept: [],
  };
}
const nms = (...asked: Parameters<typeof task>) => boxNms(task(...asked)).kept;

t.test('non-maximum suppression', async (t) => {
  // The first two share 81 of 119 pixels: an IoU of 0.68.
  const boxes: Box[] = [
    [1, 1, 11, 11],
    [0, 0, 10, 10],
    [50, 50, 60, 60],
  ];
  t.same(nms(boxes, [0.8, 0.9, 0.7], 0.7), [1, 0, 2], 'best first');
  t.same(nms(boxes, [0.8, 0.9, 0.7], 0.68), [1, 2]);
  t.same(nms(boxes, [0.9, 0.9, 0.9], 0.6), [0, 2], 'equals keep their order');
  t.same(nms([boxes[2], boxes[2]] as Box[], [1, 1], 1), [0, 1], 'not above');
  const point: Box = [5, 5, 5, 5];
  t.same(nms([point, point], [1, 1], 0.5), [0], 'a pixel that is found twice');
  t.same(nms([point, [5, 5, 5, 8]], [1, 1], 0.5), [0, 1], 'and one of four in a column');
  t.same(nms([], [], 0.5), []);
  const few = (most: number) => boxNms({ ...task(boxes, [0.8, 0.9, 0.7], 0.68), most }).kept;
  t.same([few(1), few(2), few(3)], [[1], [1, 2], [1, 2]], 'no more than asked for');
});

t.test('the same in slices, and in groups', async (t) => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const count = 400;
  const boxes = Array.from({ length: count }, (): Box => {
    const [x, y] = [Math.floor(random() * 40), Math.floor(random() * 40)];
    return [x, y, x + Math.floor(random() * 20), y + Math.floor(random() * 20)];
  });
  const scores = boxes.map(() => Math.floor(random() * 50));
  const groups = boxes.map(() => Math.floor(random() * 3));
  const whole = nms(boxes, scores, 0.3, groups);
  const apart = [...new Set(groups)].flatMap((group) => {
    const members = groups.flatMap((each, i) => (each === group ? [i] : []));
    const kept = nms(
      members.map((i) => boxes[i] as Box),
      members.map((i) => scores[i] as number),
      0.3,
    );
    return kept.map((k) => members[k]);
  });
  t.same(whole, apart);
  t.ok(whole.length > 20 && whole.length < count);
  let [slices, from, kept]: [number, number | undefined, readonly number[]] = [0, 0, []];
  while (from !== undefined) {
    const slice = boxNms({ ...task(boxes, scores, 0.3, groups), from, kept }, () => true);
    [from, kept] = [slice.next, slice.kept];
    slices++;
  }
  t.same(kept, whole);
  t.equal(slices, count / 16);
});

const image = { width: 600, height: 400 };
/** A disc of logits in the middle of a crop that is `size`. */
function taskFor(crop: Box): CandidatesTask {
  const [x1, y1, x2, y2] = crop;
  const embedding = {
    ...{ id: 'id', model: 'm', fingerprint: 'f' },
    image: { width: x2 - x1, height: y2 - y1 },
    tensors: {},
  };
  return { embedding, image, crop, seeds: [], parameters: EVERYTHING_DEFAULTS, format: 'rle' };
}
const disc = (cx: number, cy: number, radius: number) =>
  Float32Array.from({ length: 256 * 256 }, (_, i) => {
    return 30 * (radius - Math.hypot((i % 256) - cx, Math.floor(i / 256) - cy));
  });

t.test('a mask of a crop in its place in the image', async (t) => {
  const crop: Box = [200, 100, 456, 228];
  const task = taskFor(crop);
  const logits = disc(128, 60, 30);
  const candidate = candidateOf(logits, 0.9, { point: [300, 160] }, task, FRAME);
  const { counts, bbox } = postprocessMask(logits, task.embedding.image, FRAME);
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
  t.equal(candidateOf(atTheRight, 0.9, { point: [0, 0] }, inside, FRAME), undefined);
  t.ok(candidateOf(atTheRight, 0.9, { point: [0, 0] }, taskFor([344, 100, 600, 228]), FRAME));
  // 19 pixels from the edge is near, 30 is not.
  t.equal(candidateOf(disc(208, 60, 30), 0.9, { point: [0, 0] }, inside, FRAME), undefined);
  t.ok(candidateOf(disc(194, 60, 30), 0.9, { point: [0, 0] }, inside, FRAME));
});

t.test('what is not stable goes', async (t) => {
  const task = taskFor([0, 0, 600, 400]);
  const soft = disc(128, 80, 30).map((logit) => logit / 60);
  t.equal(candidateOf(soft, 0.99, { point: [0, 0] }, task, FRAME), undefined);
});

t.test('small regions', async (t) => {
  const square = (x: number, y: number) => x >= 10 && x < 40 && y >= 10 && y < 40;
  const speck = (x: number, y: number) => square(x, y) || (x === 50 && y === 50);
  const size = { width: 90, height: 80 };
  const [dirty, clean] = [speck, square].map((inside) => compress(runsOf(90, 80, inside)));
  const extent = { area: 900, bbox: [10, 10, 30, 30] } as const;
  const bytes = maskBytes('rle', runsOf(90, 80, square), extent, size);
  const tidied = { counts: clean, bytes, box: [10, 10, 39, 39] };
  const task = { image: size, minArea: 5, format: 'rle' } as const;
  t.same(tidyMask(dirty as string, task), { ...tidied, changed: true });
  t.same(tidyMask(clean as string, task), { ...tidied, changed: false });
});
