import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Precision } from '#src/core/family/model.js';
import { checkpointEncoder, inspectCheckpoint } from '#src/engine/checkpoint-model.js';
import { ImageEncoder } from '#src/engine/image-encoder.js';
import { writeRandomSam } from '../checkpoint/fixtures/random-sam.js';
import { relativeDistance } from '../fixtures/distance.js';
import { random } from '../sam/fixtures/decoders.js';
import { onlyTensor } from '../sam/fixtures/encoders.js';

/** Wide enough for its products to be worth 8 bits. */
const SMALL = { depth: 2, dim: 64, heads: 2, globalAttn: [1] };
const next = random(1);
const input = Float32Array.from({ length: 3 * 1024 * 1024 }, () => 4 * next() - 2);

async function encode(path: string, precision: Precision): Promise<Float32Array> {
  const options = { device: 'cpu', threads: 2, gpuTurn: new SharedArrayBuffer(4) } as const;
  const network = checkpointEncoder(path, { architecture: 'sam_vit' }, precision);
  return onlyTensor(await (await ImageEncoder.open(network, 1024, options)).run(input));
}

t.test('a checkpoint in other numbers is the same encoder', async (t) => {
  const folder = t.testdir({});
  const [whole, half] = [join(folder, 'whole.pth'), join(folder, 'half.pth')];
  writeRandomSam(whole, SMALL);
  writeRandomSam(half, SMALL, { half: true });
  const exact = await encode(whole, 'float32');

  const stored = relativeDistance(await encode(half, 'float32'), exact);
  t.ok(stored > 1e-6 && stored <= 2e-3, `weights stored in 16 bits: off by ${stored}`);
  const computed = relativeDistance(await encode(whole, 'int8'), exact);
  t.ok(computed > 1e-4 && computed <= 5e-2, `products in 8 bits: off by ${computed}`);
  const both = relativeDistance(await encode(half, 'int8'), exact);
  t.ok(both > 1e-4 && both <= 5e-2, `both: off by ${both}`);
});

t.test('a checkpoint may be a symbolic link', async (t) => {
  const folder = t.testdir({ models: {} });
  const [path, link] = [join(folder, 'small.pth'), join(folder, 'models/other.pth')];
  writeRandomSam(path, SMALL);
  symlinkSync(path, link);
  const options = { device: 'cpu', threads: 1, gpuTurn: new SharedArrayBuffer(4) } as const;
  const network = checkpointEncoder(link, { architecture: 'sam_vit' }, 'float32');
  await t.resolves(ImageEncoder.open(network, 1024, options));
});

t.test('a checkpoint is what it is, whatever its manifest says', async (t) => {
  const path = join(t.testdir({}), 'small.pth');
  writeRandomSam(path, SMALL);
  t.same(inspectCheckpoint(path), { architecture: 'sam_vit', variant: SMALL });
  t.throws(() => checkpointEncoder(path, { architecture: 'vit_b' }, 'float32'), {
    name: 'OperatorError',
    message: /small\.pth is sam_vit, its manifest says vit_b/,
  });
});
