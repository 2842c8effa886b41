import { readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { Encoded } from '#src/core/ports.js';
import { findModel } from '#src/engine/model-files.js';
import { EncoderNetworks } from '#src/lanes/encoder-networks.js';
import { TestClock } from '../fixtures/clock.js';
import { until } from '../fixtures/gauges.js';
import { photograph } from '../fixtures/pictures.js';

const MODEL = 'mobile_sam';
const QUIET_MS = 30_000;
const model = await findModel('models', MODEL);
const { data, width, height } = photograph(1024, 768, 1);

function open(t: Test, threads: number) {
  const clock = new TestClock();
  const networks = new EncoderNetworks({
    ...{ workers: 1, queueLimit: 99, timeouts: { queueMs: 600_000, runMs: 600_000 }, clock },
    settings: {
      ...{ models: { [MODEL]: model }, detectors: {}, precision: 'float32', dtype: 'float32' },
      session: { device: 'cpu', threads, gpuTurn: new SharedArrayBuffer(4) },
    },
    onWorkerLost: (error) => t.error(error),
  });
  t.teardown(() => networks.close());
  /** @param others images that wait beside it. */
  const encode = (others: number): Promise<Encoded> => {
    const input = { data: Uint8Array.from(data), width, height };
    const image = { width, height };
    return networks.encode({ model: MODEL, image, input, timings: {}, warnings: [] }, others);
  };
  return { networks, encode, clock };
}

function bytes({ tensors }: Encoded): Buffer {
  return Buffer.concat(Object.values(tensors).map((tensor) => Buffer.from(tensor.bytes)));
}

const threads = () => readdirSync('/proc/self/task').length;
const linux = process.platform === 'linux' ? {} : { skip: 'threads are counted in /proc' };

t.test('images of a crowd go side by side, and its workers leave with it', linux, async (t) => {
  const { networks, encode, clock } = open(t, 2);
  await networks.loadModel(MODEL);
  const few = encode(3);
  t.equal(networks.workers, 1, 'one, with all threads, while no more wait than four');
  const lone = bytes(await few);
  const before = threads();

  const crowd = [4, 5, 6].map(encode);
  t.equal(networks.workers, 2);
  t.equal(networks.capacity, 2);
  t.same(networks.urgent, { waiting: 3, running: 0 }, 'its workers load the network first');
  for (const image of crowd) t.ok(bytes(await image).equals(lone), 'to the bit what it is alone');
  t.ok(threads() > before);

  t.ok(bytes(await encode(0)).equals(lone));
  t.equal(networks.workers, 1, 'the crowd is over');
  await clock.awaited(QUIET_MS);
  clock.advance(QUIET_MS);
  t.ok(await until(async () => threads() <= before), 'its workers have left');
  t.ok(bytes(await encode(4)).equals(lone), 'there may be another');
});

t.test('threads that cannot be halved stay together', async (t) => {
  const { networks, encode } = open(t, 1);
  await networks.loadModel(MODEL);
  const image = encode(9);
  t.equal(networks.workers, 1);
  await image;
});
