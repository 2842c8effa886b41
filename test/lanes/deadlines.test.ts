import { setImmediate as later } from 'node:timers/promises';
import t from 'tap';
import { Ledger } from '#src/service/memory/ledger.js';
import { RUN_MS, TestLane } from './fixtures/test-lane.js';

const TOO_LONG = { code: 'inference-timeout' };

/** Native code that a task is in until the test lets it out. */
function native() {
  const memory = new SharedArrayBuffer(4);
  const word = new Int32Array(memory);
  const until = async (state: number) => {
    while (Atomics.load(word, 0) !== state) await later();
  };
  const out = () => {
    Atomics.store(word, 0, 2);
    Atomics.notify(word, 0);
  };
  return { memory, entered: () => until(1), out };
}

/** Lets a task begin and run for as long as it may. */
async function passDeadline({ clock }: TestLane): Promise<void> {
  await clock.awaited(RUN_MS);
  clock.advance(RUN_MS);
}

for (const task of ['loop', 'hang'] as const) {
  t.test(`a worker in a ${task} is ended at its deadline, and replaced`, async (t) => {
    const lane = new TestLane(t, 1, 5);
    await lane.loadModel('any');
    const hanging = lane.work([task]);
    const waiting = lane.work(['answer']);
    await passDeadline(lane);
    await t.rejects(hanging, TOO_LONG);
    t.same(await waiting, ['answer'], 'who waited is served');
    t.match(lane.lost, [TOO_LONG], 'and it is told of');
    t.same(lane.load, { waiting: 0, running: 0 });
  });
}

t.test(
  'a worker in native code gives its seat up at once, and ends when it comes out',
  async (t) => {
    const lane = new TestLane(t, 1, 5);
    await lane.loadModel('any');
    const ledger = new Ledger({ maxBytes: 10, maxClientBytes: 10, maxBodyBytes: 10 });
    const memory = ledger.open('a');
    memory.take('masks', 7);
    const [first, second] = [native(), native()];
    const { signal } = new AbortController();

    const work = lane.work([first.memory], { client: 'a', signal, memory });
    await first.entered();
    await passDeadline(lane);
    await t.rejects(work, TOO_LONG);
    memory.close();
    t.same(await lane.work(['answer']), ['answer'], 'another has its seat');
    t.equal(ledger.held('masks'), 7, 'what it works on is still there');

    const more = lane.work([second.memory]);
    await second.entered();
    await passDeadline(lane);
    await t.rejects(more, TOO_LONG);
    t.same(
      lane.load,
      { waiting: 0, running: 1 },
      'there is no third worker beside two that are not gone',
    );
    first.out();
    t.same(await lane.work(['answer']), ['answer'], 'until one is');
    while (ledger.held('masks') > 0) await later();
    second.out();
  },
);

t.test('a worker that comes out in time stays, whoever was given up before it', async (t) => {
  const lane = new TestLane(t, 1, 5);
  await lane.loadModel('any');
  const [first, second] = [native(), native()];
  const left = lane.work([first.memory]);
  await first.entered();
  await passDeadline(lane);
  await t.rejects(left, TOO_LONG);
  const [{ thread } = { thread: 0 }] = await lane.place([{ task: '' }]);
  const other = lane.work([second.memory]);
  await second.entered();
  await passDeadline(lane);
  await t.rejects(other, TOO_LONG);
  second.out();
  t.match(await lane.place([{ task: '' }]), [{ thread }]);
  t.equal(lane.lost.length, 1);
  first.out();
});

t.test('a lane that is stopped ends its workers with what they run', async (t) => {
  const lane = new TestLane(t, 2, 5);
  await lane.loadModel('any');
  const inside = native();
  const stopping = { code: 'overloaded', message: /stopping/ };
  const work = [lane.work(['loop']), lane.work([inside.memory]), lane.work(['answer'])];
  const refused = Promise.all(work.map((each) => t.rejects(each, stopping)));
  await inside.entered();
  let stopped = false;
  const stop = lane.stop().then(() => {
    stopped = true;
  });
  await refused;
  await later();
  t.notOk(stopped, 'one is in native code');
  inside.out();
  await stop;
  await t.rejects(lane.work(['answer']), stopping, 'and nothing is begun any more');
});

t.test('a worker that is still starting is not ended in the middle of that', async (t) => {
  const lane = new TestLane(t, 2, 5);
  await lane.stop();
  t.same(lane.lost, []);
});
