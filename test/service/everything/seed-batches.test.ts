import { setImmediate as soon } from 'node:timers/promises';
import t from 'tap';
import type { Candidates, CandidatesTask, Seed } from '#src/core/everything.js';
import { candidatesInOrder, seedBatches } from '#src/service/everything/seed-batches.js';

const seedsOf = (count: number): Seed[] =>
  Array.from({ length: count }, (_, i) => ({ point: [i, 0] }));
const caller = {} as Parameters<typeof candidatesInOrder>[4];
const task = {} as Parameters<typeof candidatesInOrder>[2];

t.test('batches are small first and last, and are all seeds in their order', async (t) => {
  for (const [count, workers] of [
    [1024, 2],
    [1024, 8],
    [36, 2],
    [1, 2],
  ] as const) {
    const batches = [...seedBatches(seedsOf(count), 16, workers)];
    t.same(batches.flat(), seedsOf(count));
    const sizes = batches.map(({ length }) => length);
    t.ok((sizes[0] as number) <= 2 && (sizes.at(-1) as number) <= 2, sizes.join());
    t.ok(Math.max(...sizes) <= 16);
  }
  const sizes = [...seedBatches(seedsOf(1024), 16, 2)].map(({ length }) => length);
  t.ok(sizes.length < 85, `${sizes.length} are not many more than 64`);
  const asked = [...seedBatches(seedsOf(20), 1, 2)].map(({ length }) => length);
  t.same(new Set(asked), new Set([1]), 'no more than was asked for');
});

/** Two workers, whose tasks are answered by hand. */
class HeldLane {
  readonly workers = 2;
  readonly open: { readonly first: number; answer(): void; fail(): void }[] = [];

  candidates({ seeds }: CandidatesTask): Promise<Candidates> {
    const [seed] = seeds as [{ point: [number, number] }];
    return new Promise((resolve, reject) => {
      const answer = () => {
        const candidates = [{ seed }] as unknown as Candidates['candidates'];
        resolve({ candidates, seeds: seeds.length, timings: {} });
      };
      this.open.push({ first: seed.point[0], answer, fail: () => reject(new Error('lost')) });
    });
  }
}

t.test('workers go on while one is slow and the reader is busy', async (t) => {
  const lane = new HeldLane();
  const batches = seedsOf(8).map((seed) => [seed]);
  const answers = candidatesInOrder(lane, batches, task, 5, caller);
  const first = answers.next();
  await soon();
  t.same(
    lane.open.map(({ first }) => first),
    [0, 1, 2],
    'one more than there are workers',
  );
  lane.open[1]?.answer();
  lane.open[2]?.answer();
  await soon();
  t.same(
    lane.open.map(({ first }) => first),
    [0, 1, 2, 3, 4],
    'those after the slow one',
  );
  lane.open[0]?.answer();
  t.match((await first).value, { asked: 1, candidates: [{ seed: { point: [0, 0] } }] });
  lane.open[3]?.answer();
  await soon();
  t.equal(lane.open.length, 5, 'no further ahead of the reader');
  const second = await answers.next();
  t.match(second.value, { candidates: [{ seed: { point: [1, 0] } }] }, 'in their order');
  lane.open[4]?.fail();
  await answers.next();
  await answers.next();
  const begun = lane.open.length;
  await t.rejects(answers.next(), { message: 'lost' });
  t.equal(lane.open.length, begun, 'and none begins once the reader has left');
});
