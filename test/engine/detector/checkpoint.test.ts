import t from 'tap';
import type { Precision } from '#src/core/family/model.js';
import type { DetectorOutput } from '#src/core/find/detection.js';
import {
  imageTowerNetwork,
  inspectDetector,
  textTowerNetwork,
} from '#src/engine/detector/checkpoint.js';
import { Detector } from '#src/engine/detector/detector.js';
import { QueryEncoder } from '#src/engine/detector/query-encoder.js';
import { SMALL, writeRandomDetector } from '../../owl/fixtures/random-detector.js';
import { formulaPicture } from '../../owl/fixtures/reference.js';
import { maxDifference } from '../../sam/fixtures/decoders.js';

const OPTIONS = { device: 'cpu', threads: 2, gpuTurn: new SharedArrayBuffer(4) } as const;

async function detect(path: string, precision: Precision, imageSize = 64): Promise<DetectorOutput> {
  const network = imageTowerNetwork(path, SMALL, { imageSize, precision });
  return (await Detector.open(network, imageSize, OPTIONS)).run(formulaPicture(imageSize));
}

t.test('products in 8 bits are nearly the same', async (t) => {
  const path = writeRandomDetector(t.testdir({}));
  t.doesNotThrow(() => inspectDetector(path, SMALL));
  const [exact, whole] = [await detect(path, 'float32'), await detect(path, 'int8')];
  const difference = maxDifference(whole.boxes, exact.boxes);
  t.ok(difference > 1e-5 && difference < 5e-2, `boxes are off by ${difference}`);
  t.equal(exact.boxes.length, 4 * 64);
  t.equal((await detect(path, 'float32', 40)).boxes.length, 4 * 25, 'a smaller picture');
});

t.test('texts of several lengths keep their order', async (t) => {
  const path = writeRandomDetector(t.testdir({}));
  const encoder = await QueryEncoder.open(textTowerNetwork(path, SMALL), OPTIONS);
  const texts = [
    [1, 2, 3],
    [1, 3],
    [4, 5, 3],
    [1, 3],
    [9, 8, 7, 6, 3],
  ];
  const together = await encoder.run(texts);
  for (const [i, ids] of texts.entries()) {
    const [alone] = await encoder.run([ids]);
    t.ok(maxDifference(together[i] as Float32Array, alone as Float32Array) < 1e-5);
  }
  t.ok(maxDifference(together[0] as Float32Array, together[2] as Float32Array) > 1e-2);
  t.same(await encoder.run([]), []);
});

t.test('a checkpoint that does not fit is refused by its tensor', async (t) => {
  const name = 'box_head.dense1.weight';
  const refused = (options: Parameters<typeof writeRandomDetector>[2], message: RegExp) => {
    const path = writeRandomDetector(t.testdir({}), SMALL, options);
    t.throws(() => inspectDetector(path, SMALL), { name: 'OperatorError', message });
  };
  refused(
    { without: [name] },
    /is no detector that can be served: the tensor "box_head\.dense1\.weight" is missing/,
  );
  const spoil = (data: Float32Array) => {
    data[7] = Number.NaN;
  };
  refused(
    { changes: { [name]: spoil } },
    /"box_head\.dense1\.weight": it holds numbers that are not finite/,
  );
  const path = writeRandomDetector(t.testdir({}));
  const wider = { ...SMALL, image: { ...SMALL.image, hidden: 128 } };
  t.throws(() => imageTowerNetwork(path, wider, { imageSize: 64, precision: 'float32' }), {
    message: /fc1\.weight" is \[96,64\], expected \[128,64\]/,
  });
  const other = { ...SMALL, family: 'owlvit' } as const;
  t.throws(() => inspectDetector(path, other), { message: /"owlvit\.text_model.*is missing/ });
});
