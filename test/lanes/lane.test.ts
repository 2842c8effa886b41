import { pino } from 'pino';
import t from 'tap';
import { isAlone } from '#src/engine/crowd.js';
import { Metrics } from '#src/observe/metrics.js';
import { watched } from '#src/parts/lanes.js';
import { callerOf } from '../fixtures/caller.js';
import { QUEUE_MS, TestLane } from './fixtures/test-lane.js';

t.test('answers come in the order of the tasks', async (t) => {
  const lane = new TestLane(t, 2, 10);
  t.equal(await lane.loadModel('any'), 'cpu');
  t.same(await lane.work(['wait', 'answer', 'wait']), ['wait', 'answer', 'wait']);
});

t.test('errors for the client keep their code, others do not cross', async (t) => {
  const lane = new TestLane(t, 1, 10);
  await t.rejects(lane.work(['refuse']), { name: 'SamError', code: 'image-unreadable' });
  await t.rejects(lane.work(['throw']), { name: 'TypeError', code: undefined });
  t.same(await lane.work(['answer']), ['answer']);
});

t.test('a device that is lost is told of: to clients as something that passes', async (t) => {
  const lane = new TestLane(t, 1, 10);
  await t.rejects(lane.work(['lose']), {
    code: 'overloaded',
    retryAfter: 30,
    message: 'the device that networks run on is lost to this server, which has to be started anew',
  });
  t.match(lane.reports, [{ failed: true, deviceLost: 'no GPU any more' }]);

  const written: string[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void written.push(line) });
  let told = 0;
  const watch = watched('encode', new Metrics(), logger, () => told++);
  t.same(await lane.work(['answer']), ['answer']);
  for (const report of lane.reports) watch.onTask(report);
  t.equal(told, 1, 'of the one, and not of the other');
  t.match(
    written.map((line) => JSON.parse(line)),
    [{ level: 60, lane: 'encode', msg: 'no GPU any more' }],
  );
});

t.test('a worker that dies fails its own task only, and is replaced', async (t) => {
  const lane = new TestLane(t, 1, 10);
  const dying = t.rejects(lane.work(['die']));
  const waiting = lane.work(['answer']);
  await dying;
  t.same(await waiting, ['answer']);
  await t.rejects(lane.work(['die']));
  t.same(await lane.work(['answer']), ['answer'], 'and so is the one that replaced it');
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
  const left = lane.work(['answer'], callerOf('a', leaving.signal));
  t.same(lane.load, { waiting: 1, running: 1 });
  leaving.abort();
  await t.rejects(left, { name: 'AbortError' });
  t.same(lane.load, { waiting: 0, running: 1 });
  t.same(await lane.work(['answer']), ['answer'], 'its place is free');
  t.same(await running, ['wait']);
});

t.test('a task goes to the worker that knows its subject', async (t) => {
  const lane = new TestLane(t, 2, 10);
  const about = (...subjects: string[]) =>
    lane.place(subjects.map((subject) => ({ task: '', affinityKey: subject })));
  const [a, b] = await about('a', 'b');
  t.not(a?.thread, b?.thread, 'both work');
  for (let round = 0; round < 3; round++) {
    t.same(await about('b', 'a'), [b, a]);
    t.same(await about('a'), [a]);
    t.same(await about('b'), [b]);
  }
});

t.test('the first in the queue is passed over for a while only', async (t) => {
  const lane = new TestLane(t, 1, 20);
  await lane.place([{ task: '', affinityKey: 'known' }]);
  const order: string[] = [];
  const ask = async (subject: string) => {
    await lane.place([{ task: '', affinityKey: subject }]);
    order.push(subject);
  };
  const running = lane.work(['answer']);
  await Promise.all([running, ask('new'), ...Array.from({ length: 6 }, () => ask('known'))]);
  t.same(order.indexOf('new'), 4);
});

t.test('waiting tasks of one group run together, as many as the provider likes', async (t) => {
  const lane = new TestLane(t, 1, 20);
  await lane.loadModel('any', () => 3);
  const running = lane.work(['wait']);
  const groups = ['g', 'h', 'g', 'g', 'g', undefined, undefined];
  const placed = lane.place(groups.map((group) => ({ task: '', ...(group && { group }) })));
  t.same(
    (await placed).map(({ together }) => together),
    [3, 1, 3, 3, 1, 1, 1],
  );
  t.same(await running, ['wait']);

  const alone = new TestLane(t, 1, 20);
  await alone.loadModel('any');
  const first = alone.work(['answer']);
  const one = await alone.place([
    { task: '', group: 'g' },
    { task: '', group: 'g' },
  ]);
  t.same(
    one.map(({ together }) => together),
    [1, 1],
    'not where batches do not pay',
  );
  await first;
});

t.test('room is known before there is a task', async (t) => {
  const lane = new TestLane(t, 1, 1);
  lane.checkRoom();
  const work = [lane.work(['wait']), lane.work(['answer'])];
  t.throws(() => lane.checkRoom(), { code: 'overloaded', retryAfter: Number });
  await Promise.all(work);
  lane.checkRoom();
});

t.test('who waits too long is told so, and the rest goes on', async (t) => {
  const lane = new TestLane(t, 1, 5);
  const running = lane.work(['wait']);
  const late = lane.work(['answer']);
  lane.clock.advance(QUEUE_MS - 1);
  t.same(lane.load, { waiting: 1, running: 1 });
  lane.clock.advance(1);
  await t.rejects(late, { code: 'queue-timeout', retryAfter: Number });
  t.same(lane.load, { waiting: 0, running: 1 });
  t.same(await running, ['wait']);
  t.same(await lane.work(['answer']), ['answer']);
});

t.test('what waits when the lane is closed is refused, what runs is finished', async (t) => {
  const lane = new TestLane(t, 1, 5);
  const running = lane.work(['wait']);
  const refused = t.rejects(lane.work(['answer']), { code: 'overloaded', message: /stopping/ });
  await lane.close();
  await refused;
  t.same(await running, ['wait']);
});

t.test('long work lets everything else go first, and takes no place in the queue', async (t) => {
  const lane = new TestLane(t, 1, 1);
  const caller = callerOf();
  const order: string[] = [];
  const note = (name: string, work: Promise<unknown>) => work.then(() => order.push(name));
  const long = ['a', 'b', 'c'].map((name) => note(name, lane.workInBackground('answer', caller)));
  const clicks = [note('click', lane.work(['answer'])), note('second', lane.work(['answer']))];
  await t.rejects(lane.work(['answer']), { code: 'overloaded' }, 'two are all that fit');
  await Promise.all([...long, ...clicks]);
  t.same(order, ['a', 'click', 'second', 'b', 'c'], 'a click waits for the part that runs');
});

t.test('long work that is given up leaves the queue', async (t) => {
  const lane = new TestLane(t, 1, 1);
  const leaving = new AbortController();
  const caller = callerOf('a', leaving.signal);
  const running = lane.workInBackground('wait', caller);
  const waiting = lane.workInBackground('answer', caller);
  leaving.abort();
  await t.rejects(waiting, { name: 'AbortError' });
  await t.rejects(running, { name: 'AbortError' });
  t.equal(lane.load.waiting, 0);
});

t.test(
  'a lane works ahead of the next one only so far, and counts what it handed on',
  async (t) => {
    const urgent = { waiting: 1, running: 1 };
    const load = { waiting: 2, running: 1 };
    const next = { load, urgent, averageMs: 1000, workers: 1, capacity: 1 };
    const lane = new TestLane(t, 1, 2, { next });
    const first = lane.work(['answer']);
    await t.rejects(lane.work(['answer']), { code: 'overloaded' }, 'two are there, one waits here');
    t.same(lane.load, { waiting: 1, running: 0 }, 'the next lane has enough to do');
    Object.assign(urgent, { waiting: 0 });
    const caller = callerOf();
    const long = lane.workInBackground('answer', caller);
    lane.resume();
    t.same(await first, ['answer']);
    t.same(lane.load, { waiting: 1, running: 0 }, 'long work waits for long work');
    Object.assign(load, { waiting: 0 });
    lane.resume();
    t.equal(await long, 'answer');
  },
);

t.test('workers know how many tasks there are', async (t) => {
  const crowd = { tasks: new SharedArrayBuffer(4), threads: 2 };
  const lane = new TestLane(t, 2, 10, { crowd });
  const one = lane.work(['wait']);
  t.ok(isAlone(crowd), 'one');
  const another = lane.work(['answer']);
  t.notOk(isAlone(crowd), 'two');
  await another;
  await new Promise((resolve) => setImmediate(resolve));
  t.ok(isAlone(crowd), 'the first is alone again');
  await one;
});

t.test('and those of others that need the processor', async (t) => {
  const crowd = { tasks: new SharedArrayBuffer(4), threads: 2 };
  const lane = new TestLane(t, 2, 10, { crowd, othersWork: 1 });
  const one = lane.work(['wait']);
  t.notOk(isAlone(crowd));
  await one;
});
