import t from 'tap';
import type { Device } from '#src/core/device.js';
import { countTasks } from '#src/engine/crowd.js';
import { MaskDecoder } from '#src/engine/mask-decoder.js';
import { readDecoderWeights } from '#src/sam/weights/exported-decoder.js';
import { asEmbedding, randomEmbedding, shippedDecoder } from '../sam/fixtures/decoders.js';
import { randomSam2Decoder, randomSam2Embedding } from '../sam/fixtures/sam2-decoders.js';

/** A provider that this platform has no build of. */
const ABSENT: Device = process.platform === 'darwin' ? 'dml' : 'coreml';

const click = { coords: new Float32Array(4), labels: Float32Array.of(1, -1), prompts: 1 };

t.test('a kind of prompt whose network failed to open is opened by the next prompt', async (t) => {
  const options = { device: 'cpu' as Device, threads: 1, gpuTurn: new SharedArrayBuffer(4) };
  const decoder = await MaskDecoder.open(readDecoderWeights(shippedDecoder), options);
  const context = await decoder.context(asEmbedding(randomEmbedding(1)));
  options.device = ABSENT;
  await t.rejects(decoder.run(context, click, true), { message: new RegExp(ABSENT) });
  options.device = 'cpu';
  t.equal((await decoder.run(context, click, true)).length, 3);
});

for (const { family, weights, embedding } of [
  {
    family: 'SAM',
    weights: readDecoderWeights(shippedDecoder),
    embedding: asEmbedding(randomEmbedding(1)),
  },
  { family: 'SAM 2', weights: randomSam2Decoder(), embedding: randomSam2Embedding(1) },
]) {
  t.test(`${family}: a prompt that is alone takes all threads, the same to the bit`, async (t) => {
    const crowd = { tasks: new SharedArrayBuffer(4), threads: 2 };
    const options = {
      device: 'cpu' as Device,
      threads: 1,
      gpuTurn: new SharedArrayBuffer(4),
      crowd,
    };
    const decoder = await MaskDecoder.open(weights, options);
    const context = await decoder.context(embedding);
    const logits = async () =>
      (await decoder.run(context, click, true)).map(({ logits }) => logits);
    countTasks(crowd, 1);
    const alone = await logits();
    options.device = ABSENT;
    t.same(await logits(), alone, 'by a network that is open');
    countTasks(crowd, 2);
    const refusal = { message: new RegExp(ABSENT) };
    await t.rejects(logits(), refusal, 'one of many has a network of its own');
    options.device = 'cpu';
    t.same(await logits(), alone);
  });
}
