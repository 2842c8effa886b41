import t from 'tap';
import { Turns } from '#src/lanes/queue/turns.js';
import { callerOf } from '../fixtures/caller.js';
import { TestLane } from './fixtures/test-lane.js';

/** Asks for tasks of clients and notes the order in which they were done. */
function asking(lane: TestLane) {
  const order: string[] = [];
  const ask = (client: string, tasks = 1) =>
    Promise.all(
      Array.from({ length: tasks }, async (_, i) => {
        await lane.work(['answer'], callerOf(client));
        order.push(`${client}${i + 1}`);
      }),
    );
  return { order, ask };
}

t.test('a newcomer waits for one task of each other client', async (t) => {
  const lane = new TestLane(t, 1, 50);
  const { order, ask } = asking(lane);
  await Promise.all([lane.work(['wait']), ask('a', 6), ask('b', 3), ask('c', 1)]);
  // Within a turn those go first who ask for least.
  t.same(order, ['c1', 'b1', 'a1', 'b2', 'a2', 'b3', 'a3', 'a4', 'a5', 'a6']);
});

t.test('so it is for long work', async (t) => {
  const lane = new TestLane(t, 1, 50);
  const order: string[] = [];
  const note = (name: string, work: Promise<unknown>) => work.then(() => order.push(name));
  const running = lane.work(['wait']);
  const long = ['a', 'a', 'a', 'b', 'b'].map((name) =>
    note(name, lane.workInBackground('answer', callerOf(name))),
  );
  await Promise.all([running, ...long]);
  t.same(order, ['b', 'a', 'b', 'a', 'a']);
});

for (const [kind, begin] of Object.entries<(lane: TestLane) => Promise<unknown>>({
  'long work': (lane) =>
    Promise.all(
      (['wait', 'answer'] as const).map((part) => lane.workInBackground(part, callerOf('a'))),
    ),
  'a large request': (lane) => lane.work(['wait', 'answer', 'answer'], callerOf('a')),
})) {
  t.test(`beside other work ${kind} rests between its parts, and a click does not`, async (t) => {
    const lane = new TestLane(t, 1, 50, { othersWork: 2 });
    const { clock } = lane;
    let isDone = false;
    const done = begin(lane).then(() => {
      isDone = true;
    });
    const { waiting } = lane.load;
    // The part that runs takes ten milliseconds, by the lane's clock.
    clock.advance(10);
    await clock.awaited(40);
    await lane.work(['answer'], callerOf('b'));
    clock.advance(39);
    t.same(
      lane.load,
      { waiting, running: 0 },
      'twice as long as the part took for each of two tasks',
    );
    clock.advance(1);
    t.same(lane.load, { waiting: waiting - 1, running: 1 });
    while (!isDone) {
      await new Promise(setImmediate);
      clock.advance(0);
    }
    await done;
  });

  t.test(`with the processor to itself ${kind} does not rest`, async (t) => {
    const lane = new TestLane(t, 1, 50);
    await begin(lane);
    t.same(lane.load, { waiting: 0, running: 0 });
  });
}

t.test('who arrives in the midst is no later than those that have waited', async (t) => {
  const lane = new TestLane(t, 1, 50);
  const { order, ask } = asking(lane);
  const many = ask('a', 8);
  await lane.work(['answer'], callerOf('x'));
  const newcomer = ask('b', 1);
  await Promise.all([many, newcomer]);
  t.ok(order.indexOf('b1') <= 4, order.join());
});

t.test('of a full queue the client that has most gives way', async (t) => {
  const lane = new TestLane(t, 1, 4);
  const running = lane.work(['wait'], callerOf('a'));
  const [first, ...others] = Array.from({ length: 4 }, () => lane.work(['answer'], callerOf('a')));
  const gone = t.rejects(others[2] as Promise<unknown>, {
    code: 'overloaded',
    message: /other clients/,
    retryAfter: Number,
  });
  t.throws(() => lane.checkRoom(callerOf('a')), { code: 'overloaded' }, 'it has filled it alone');
  lane.checkRoom(callerOf('b'));
  const b = lane.work(['answer'], callerOf('b'));
  await gone;
  const more = t.rejects(others[1] as Promise<unknown>, { code: 'overloaded' });
  const c = lane.work(['answer'], callerOf('b'));
  await more;
  await t.rejects(lane.work(['answer'], callerOf('b')), { code: 'overloaded' }, 'two each is fair');
  const done = await Promise.all([running, first, others[0], b, c]);
  t.equal(done.length, 5, 'and all others are done');
  t.equal(lane.load.waiting, 0);
});

t.test('a request gives way with all its tasks, and for nothing less', async (t) => {
  const lane = new TestLane(t, 1, 4);
  const running = lane.work(['wait']);
  const large = lane.work(['answer', 'answer', 'answer', 'answer'], callerOf('a'));
  const six = Array(6).fill('answer');
  await t.rejects(lane.work(six, callerOf('b')), { code: 'overloaded' }, 'more than the other has');
  t.equal(lane.load.waiting, 4, 'of which nothing has gone');
  const gone = t.rejects(large, { code: 'overloaded' });
  t.same(await lane.work(['answer'], callerOf('b')), ['answer']);
  await gone;
  await running;
});

t.test('turns', async (t) => {
  const turns = new Turns();
  const four = [0, 0, 0, 0].map(() => turns.join('a'));
  t.same(four, [0, 1, 2, 3]);
  for (const turn of four.slice(1)) turns.leave('a', turn);
  t.equal(turns.join('a'), 1, 'who left early is not held to it');
  turns.advance(0);
  turns.serve('a', 0);
  turns.advance(1);
  t.equal(turns.join('b'), 1, 'a newcomer joins at the turn that is served');
  turns.serve('a', 1);
  turns.serve('b', 1);
  for (let i = 0; i < 5000; i++) turns.join(`waiting ${i}`);
  t.equal(turns.waiting('waiting 7'), 1);
  t.equal(turns.waiting('nobody'), 0);
});

t.test('no long work begins between the arrival of a click and its start', async (t) => {
  // With one worker the answers come in the order in which tasks were begun.
  const lane = new TestLane(t, 1, 50);
  const order: string[] = [];
  const note = (name: string, work: Promise<unknown>) => work.then(() => order.push(name));
  const long = ['a', 'b'].flatMap((client) =>
    Array.from({ length: 10 }, () =>
      note('long', lane.workInBackground('answer', callerOf(client))),
    ),
  );
  for (let i = 0; i < 3; i++) {
    await Promise.race(long.slice(4 * i));
    const before = order.length;
    const name = `click ${i}`;
    await note(name, lane.work(['answer'], callerOf('c')));
    t.ok(order.indexOf(name) - before <= 1, `what ran and no more: ${order.slice(before)}`);
  }
  await Promise.all(long);
});
