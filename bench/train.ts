import { readDecoderWeights } from '../src/sam/weights/exported-decoder.js';
import { DecoderTrainer } from '../src/train/decoder-trainer.js';
import type { TrainingPrompt } from '../src/train/feeds.js';
import { randomEmbedding, randomMask, shippedDecoder } from '../test/sam/fixtures/decoders.js';
import { interleaved } from './interleaved.js';

/**
 * A training step against a forward pass of the plain graph, on one thread or as many as are named: `npm run bench:train -- 2`.
 * The prompts are those of a round with a new click: a click, a padding point, an earlier mask.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
const threads = Number(process.argv[2] ?? 1);
const trainer = await DecoderTrainer.open(readDecoderWeights(shippedDecoder), threads);
const embedding = randomEmbedding(1);
const cells = Uint8Array.from({ length: 256 * 256 }, (_, i) =>
  (i % 256) + (i >> 8) < 200 ? 1 : 0,
);
const prompt: TrainingPrompt = {
  coords: Float32Array.of(300, 300, 0, 0),
  labels: Float32Array.of(1, -1),
  mask: randomMask(2),
  label: { rows: 256, cols: 256, cells },
  multimask: false,
};
const gradients = (await trainer.run(embedding, [prompt])).gradients;

for (const batch of [1, 4]) {
  const prompts = new Array<TrainingPrompt>(batch).fill(prompt);
  await interleaved(
    `${batch} at once, ${threads} threads, a prompt`,
    [
      {
        name: 'the plain graph, forward',
        units: batch,
        run: () => trainer.answer(embedding, prompts),
      },
      {
        name: 'forward and backward',
        units: batch,
        run: () => trainer.run(embedding, prompts),
      },
      {
        name: 'the same, imitating what was answered before',
        units: batch,
        run: () => trainer.imitate(embedding, prompts),
      },
    ],
    { rounds: 12, warmUp: 2 },
  );
}
await interleaved(
  'AdamW, once a step for all its prompts and rounds',
  [{ name: 'all weights', run: async () => trainer.step(gradients, { ious: 0, masks: 0 }) }],
  { rounds: 8, warmUp: 2 },
);
