import t, { type Test } from 'tap';
import { Lane } from '../../src/lanes/lane.js';
import type * as Job from './fixtures/mortal-job.js';

type Task = Parameters<typeof Job.work>[0][0];

class TestLane extends Lane<typeof Job, null> {
  constructor(t: Test, workers: number, queueLimit: number) {
    const options = { workers, queueLimit, settings: null, onWorkerLost: () => {} };
    super('test', new URL('./fixtures/mortal-job.js', import.meta.url), options);
    t.teardown(() => this.close());
  }

  work(tasks: readonly Task[], signal?: AbortSignal): Promise<string[]> {
    return this.run(
      'work',
      tasks.map((task) => ({ task })),
      signal,
    );
  }
}

t.test('answers come in the order of the tasks', async (t) => {
  const lane = new TestLane(t, 2, 10);
  t.equal(await lane.warmUp(), 'cpu');
  t.same(await lane.work(['wait', 'answer', 'wait']), ['wait', 'answer', 'wait']);
});

t.test('errors for the client keep their code, others do not cross', async (t) => {
  const lane = new TestLane(t, 1, 10);
  await t.rejects(lane.work(['refuse']), { name: 'SamError', code: 'image-unreadable' });
  await t.rejects(lane.work(['throw']), { name: 'TypeError', code: undefined });
  t.same(await lane.work(['answer']), ['answer']);
});

t.test('a worker that dies fails its own task only, and is replaced', async (t) => {
  const lane = new TestLane(t, 1, 10);
  const dying = t.rejects(lane.work(['die']));
  const waiting = lane.work(['answer']);
  await dying;
  t.same(await waiting, ['answer']);
  for (let round = 0; round < 3; round++) {
    await t.rejects(lane.work(['die']));
    t.same(await lane.work(['answer']), ['answer']);
  }
});

t.test('what exceeds the queue is refused, all of it or nothing', async (t) => {
  const lane = new TestLane(t, 1, 2);
  const running = lane.work(['wait']);
  const waiting = lane.work(['answer']);
  await t.rejects(lane.work(['answer', 'answer']), { code: 'overloaded', retryAfter: Number });
  const fits = lane.work(['answer']);
  await t.rejects(lane.work(['answer']), { code: 'overloaded' });
  t.same(await Promise.all([running, waiting, fits]), [['wait'], ['answer'], ['answer']]);
  t.same(
    await lane.work(['answer', 'answer', 'answer', 'answer']),
    Array(4).fill('answer'),
    'idle',
  );
});

t.test('who goes away leaves the queue', async (t) => {
  const lane = new TestLane(t, 1, 1);
  const running = lane.work(['wait']);
  const leaving = new AbortController();
  const left = lane.work(['answer'], leaving.signal);
  t.same(lane.load, { waiting: 1, running: 1 });
  leaving.abort();
  await t.rejects(left, { name: 'AbortError' });
  t.same(lane.load, { waiting: 0, running: 1 });
  t.same(await lane.work(['answer']), ['answer'], 'its place is free');
  t.same(await running, ['wait']);
});
