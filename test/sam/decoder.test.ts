import t, { type Test } from 'tap';
import { ImageEncoder } from '#src/engine/image-encoder.js';
import { buildDecoder, orderFor } from '#src/sam/decoder/decoder.js';
import { buildContext } from '#src/sam/decoder/image-context.js';
import {
  type Answer,
  type FramePrompt,
  maxDifference,
  openPaper,
  openServed,
  randomEmbedding,
  randomMask,
  randomPoints,
} from './fixtures/decoders.js';
import { onlyTensor, sceneInput, shippedEncoder } from './fixtures/encoders.js';

const PIXELS = 256 * 256;

const plain = await openPaper();
const tokensFirst = await openServed('tokens-first');
const imageFirst = await openServed('image-first');

/** The embedding of a drawn picture, by the shipped encoder. */
async function realEmbedding(): Promise<Float32Array> {
  const options = { device: 'cpu', threads: 2, gpuTurn: new SharedArrayBuffer(4) } as const;
  const encoder = await ImageEncoder.open(shippedEncoder, 1024, options);
  return onlyTensor(await encoder.run(await sceneInput(4)));
}

const embeddings = { random: randomEmbedding(1), real: await realEmbedding() };
const box: FramePrompt = { coords: [100, 200, 700, 900], labels: [2, 3] };
const prompts: Record<string, FramePrompt> = {
  '1 point': randomPoints(1, 2),
  '2 points': randomPoints(2, 3),
  '9 points': randomPoints(9, 4),
  '20 points': randomPoints(20, 5),
  'a box': box,
  'a box and 3 points': {
    coords: [...randomPoints(3, 6).coords.slice(0, 6), ...box.coords],
    labels: [1, 0, 1, ...box.labels],
  },
  'a point and a mask': { ...randomPoints(1, 7), mask: randomMask(8) },
  'a mask alone': { ...randomPoints(0, 9), mask: randomMask(10) },
  '20 points and a mask': { ...randomPoints(20, 11), mask: randomMask(12) },
};

/** Compares [B,M,...] of the served graph with tokens `first` to `first + M` of the plain graph's four. */
function same(t: Test, fast: Answer, whole: Answer, first: number): void {
  const [batch = 0, masks = 0] = fast.iouShape;
  t.equal(fast.masks.length, batch * masks * PIXELS);
  for (let prompt = 0; prompt < batch; prompt++) {
    const [from, at] = [prompt * 4 + first, prompt * masks];
    const difference = maxDifference(
      fast.masks.subarray(at * PIXELS, (at + masks) * PIXELS),
      whole.masks.subarray(from * PIXELS, (from + masks) * PIXELS),
    );
    t.ok(difference <= 1e-3, `logits of prompt ${prompt} differ by ${difference}`);
    const ious = [fast.iou.subarray(at, at + masks), whole.iou.subarray(from, from + masks)];
    const iouDifference = maxDifference(...(ious as [Float32Array, Float32Array]));
    t.ok(iouDifference <= 1e-4, `IoU differs by ${iouDifference}`);
  }
}

for (const [kind, embedding] of Object.entries(embeddings)) {
  for (const [name, prompt] of Object.entries(prompts)) {
    t.test(`on a ${kind} embedding, ${name}: the served graph is the paper's`, async (t) => {
      const whole = await plain(embedding, [prompt]);
      for (const fast of [tokensFirst, imageFirst]) {
        const three = await fast.masks(embedding, [prompt], true);
        t.strictSame(three.iouShape, [1, 3]);
        same(t, three, whole, 1);
        const one = await fast.masks(embedding, [prompt], false);
        t.strictSame(one.iouShape, [1, 1]);
        same(t, one, whole, 0);
      }
    });
  }
}

t.test('batches of 5 and 17', async (t) => {
  const { random, real: embedding } = embeddings;
  for (const [size, embedding] of [
    [5, random],
    [5, embeddings.real],
    [17, random],
  ] as const) {
    const batch = Array.from({ length: size }, (_, i) => randomPoints(2, 100 + i));
    const fast = await tokensFirst.masks(embedding, batch, true);
    t.strictSame(fast.iouShape, [size, 3]);
    // The plain graph holds gigabytes for many prompts: it is asked a few at a time, about every fourth of them.
    for (let from = 0; from < size; from += 16) {
      const part = batch.slice(from, from + 4);
      const length = part.length;
      same(
        t,
        {
          masks: fast.masks.subarray(from * 3 * PIXELS, (from + length) * 3 * PIXELS),
          iou: fast.iou.subarray(from * 3, (from + length) * 3),
          iouShape: [length, 3],
        },
        await plain(embedding, part),
        1,
      );
    }
  }
  const masked = [1, 2, 3].map((seed) => ({ ...randomPoints(1, seed), mask: randomMask(seed) }));
  same(t, await tokensFirst.masks(embedding, masked, true), await plain(embedding, masked), 1);
  const many = [1, 2, 3].map((seed) => randomPoints(14, seed));
  same(t, await imageFirst.masks(embedding, many, false), await plain(embedding, many), 0);
});

t.test('candidates are the masks above the threshold, and no others', async (t) => {
  const embedding = embeddings.real;
  const batch = Array.from({ length: 6 }, (_, i) => randomPoints(1, 200 + i));
  const all = await tokensFirst.masks(embedding, batch, true);
  const sorted = [...all.iou].sort((a, b) => a - b);
  // Between two of them, so that rounding decides nothing; and where none or all pass.
  const middle = ((sorted[8] as number) + (sorted[9] as number)) / 2;
  for (const threshold of [middle, 2, -1]) {
    const found = await tokensFirst.candidates(embedding, batch, threshold);
    const expected = [...all.iou.keys()].filter((i) => (all.iou[i] as number) > threshold);
    t.strictSame(found.candidates, expected);
    t.equal(found.masks.length, expected.length * PIXELS);
    for (const [k, candidate] of expected.entries()) {
      const mask = found.masks.subarray(k * PIXELS, (k + 1) * PIXELS);
      const whole = all.masks.subarray(candidate * PIXELS, (candidate + 1) * PIXELS);
      t.ok(maxDifference(mask, whole) <= 1e-3, `candidate ${candidate}`);
      t.ok(Math.abs((found.iou[k] as number) - (all.iou[candidate] as number)) <= 1e-4);
    }
  }
});

t.test('the order of multiplication turns at 13 points', async (t) => {
  t.strictSame(
    [1, 2, 12, 13, 257].map((points) => orderFor(points)),
    ['tokens-first', 'tokens-first', 'tokens-first', 'image-first', 'image-first'],
  );
});

t.test('graphs without weights are not built', async (t) => {
  const variant = { order: 'tokens-first', withMask: false, answer: 'masks' } as const;
  t.throws(() => buildDecoder(new Map(), variant), /mask_decoder|prompt_encoder/);
  t.throws(() => buildContext(new Map()), /prompt_encoder\.[a-z_.]+/);
});
