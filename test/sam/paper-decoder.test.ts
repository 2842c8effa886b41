import t from 'tap';
import { buildPaperDecoder } from '#src/sam/paper/decoder.js';
import {
  type FramePrompt,
  maxDifference,
  openPaper,
  openShipped,
  randomEmbedding,
  randomMask,
  randomPoints,
} from './fixtures/decoders.js';

const PIXELS = 256 * 256;
const ours = await openPaper();
const shipped = await openShipped();
const embedding = randomEmbedding(1);

const box: FramePrompt = { coords: [100, 200, 700, 900], labels: [2, 3] };
const prompts: Record<string, FramePrompt> = {
  '1 point': randomPoints(1, 2),
  '2 points': randomPoints(2, 3),
  '9 points': randomPoints(9, 4),
  '20 points': randomPoints(20, 5),
  'a box': box,
  'a box and a point': { coords: [400, 500, ...box.coords], labels: [1, ...box.labels] },
  'a point and a mask': { ...randomPoints(1, 6), mask: randomMask(7) },
  'a mask alone': { ...randomPoints(0, 8), mask: randomMask(9) },
};

for (const [name, prompt] of Object.entries(prompts)) {
  t.test(`our decoder answers ${name} as the shipped one does`, async (t) => {
    const mine = await ours(embedding, [prompt]);
    const reference = await shipped(embedding, [prompt]);
    const difference = maxDifference(mine.masks, reference.masks);
    t.ok(difference <= 1e-3, `logits differ by ${difference}`);
    const iouDifference = maxDifference(mine.iou, reference.iou);
    t.ok(iouDifference <= 1e-4, `IoU differs by ${iouDifference}`);

    // The shipped graph selects token 0 from 3 tokens up, else the best of tokens 1 to 3.
    const few = prompt.labels.length < 2.5;
    const best = [...mine.iou].indexOf(Math.max(...mine.iou.subarray(1)));
    const selected = few ? best : 0;
    const mask = mine.masks.subarray(selected * PIXELS, (selected + 1) * PIXELS);
    const selectedDifference = maxDifference(mask, reference.selectedMask);
    t.ok(selectedDifference <= 1e-3, `token ${selected} differs by ${selectedDifference}`);
    t.ok(Math.abs((mine.iou[selected] as number) - reference.selectedIou) <= 1e-4);
  });
}

t.test('the logits are worth comparing', async (t) => {
  const { masks } = await ours(embedding, [randomPoints(1, 2)]);
  const spread = Math.max(...masks.subarray(0, PIXELS)) - Math.min(...masks.subarray(0, PIXELS));
  t.ok(spread > 1, `token 0 spreads over ${spread}`);
});

t.test('a batch of five answers as five single runs', async (t) => {
  const batch = [10, 11, 12, 13, 14].map((seed) => randomPoints(3, seed));
  // One of them brings a mask: the others must not see it.
  batch[2] = { ...(batch[2] as FramePrompt), mask: randomMask(15) };
  const together = await ours(embedding, batch);
  t.strictSame(together.iouShape, [5, 4]);
  for (const [i, prompt] of batch.entries()) {
    const alone = await ours(embedding, [prompt]);
    const mine = together.masks.subarray(i * 4 * PIXELS, (i + 1) * 4 * PIXELS);
    const difference = maxDifference(mine, alone.masks);
    t.ok(difference <= 1e-4, `prompt ${i} differs by ${difference}`);
    t.ok(maxDifference(together.iou.subarray(i * 4, i * 4 + 4), alone.iou) <= 1e-4);
  }
});

t.test('no mask_input is not the same as one of zeros', async (t) => {
  const point = randomPoints(1, 2);
  const without = await ours(embedding, [point]);
  const zeros = await ours(embedding, [{ ...point, mask: new Float32Array(PIXELS) }]);
  t.ok(maxDifference(without.masks, zeros.masks) > 1e-2);
});

t.test('a decoder without weights is not built', async (t) => {
  t.throws(() => buildPaperDecoder(new Map()), /prompt_encoder\.[a-z_.]+/);
});
