import t from 'tap';
import { writeModel } from '#src/onnx/write-model.js';
import { buildTinyVit } from '#src/sam/encoder/tiny-vit.js';
import { readTinyVitWeights } from '#src/sam/weights/exported-tiny-vit.js';
import { relativeDistance } from '../fixtures/distance.js';
import { maxDifference } from './fixtures/decoders.js';
import { openEncoder, sceneInput, shippedEncoder } from './fixtures/encoders.js';

const weights = readTinyVitWeights(shippedEncoder);
const image = await sceneInput(4);
const other = await sceneInput(1);

t.test('our encoder computes what the shipped one does', async (t) => {
  const shipped = await openEncoder(shippedEncoder);
  const ours = await openEncoder(writeModel(buildTinyVit(weights)));
  const reference = await shipped(image);
  const zeros = new Float32Array(reference.length);
  t.ok(maxDifference(reference, zeros) > 0.1, 'the embedding is worth comparing');

  const embedding = await ours(image);
  const difference = maxDifference(embedding, reference);
  t.ok(difference <= 1e-4, `differs by ${difference}`);

  const images = new Float32Array(2 * image.length);
  images.set(image);
  images.set(other, image.length);
  const both = await ours(images);
  t.equal(both.length, 2 * embedding.length, 'the batch axis is real');
  t.ok(maxDifference(both.subarray(0, embedding.length), embedding) <= 1e-5);
  const second = maxDifference(both.subarray(embedding.length), await shipped(other));
  t.ok(second <= 1e-4, `the second image differs by ${second}`);
});

t.test('in bands it computes the same', async (t) => {
  const whole = await (await openEncoder(writeModel(buildTinyVit(weights))))(image);
  for (const bands of [2, 3, 8]) {
    const banded = await (await openEncoder(writeModel(buildTinyVit(weights, bands))))(image);
    const distance = relativeDistance(banded, whole);
    t.ok(distance <= 1e-6, `${bands} bands: ${distance} of the norm`);
  }
});

t.test('weights are missed by name', async (t) => {
  const fewer = new Map(weights);
  fewer.delete('layers.2.blocks.3.local_conv.bias');
  t.throws(() => buildTinyVit(fewer), /layers\.2\.blocks\.3\.local_conv\.bias/);
  t.throws(() => readTinyVitWeights(shippedEncoder.subarray(0, 1000)), { name: 'OperatorError' });
});
