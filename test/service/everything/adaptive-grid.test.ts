import t from 'tap';
import type { Candidate, ChooseTask, Seed } from '#src/core/everything.js';
import { AdaptiveGrid, adaptiveCount } from '#src/service/everything/adaptive-grid.js';
import { pointGrid } from '#src/service/everything/point-grid.js';
import { callerOf } from '../../fixtures/caller.js';
import { embeddingOf } from '../../fixtures/embeddings.js';

/** Chooses the points that come last. */
class LastFirst {
  readonly tasks: ChooseTask[] = [];

  async choose(task: ChooseTask) {
    this.tasks.push(task);
    const novelty = Float32Array.from(task.novelty);
    for (const place of task.asked) novelty[place] = -1;
    const free = [...novelty.keys()].filter((place) => (novelty[place] as number) >= 0);
    const places = free.slice(-task.most).reverse();
    for (const place of places) novelty[place] = -1;
    return { novelty, places };
  }
}

const embedding = embeddingOf(1);
const crop = [0, 0, 64, 64] as const;

function gridOf(side: number) {
  const lane = new LastFirst();
  const seeds = pointGrid(side, crop).map((point): Seed => ({ point }));
  const where = { embedding, image: embedding.image, crop };
  return { lane, seeds, grid: new AdaptiveGrid(lane, where, seeds, callerOf()) };
}

t.test('a coarse grid, then what is chosen, nine points of 32', async (t) => {
  const { lane, seeds, grid } = gridOf(16);
  const batches: (readonly Seed[])[] = [];
  const answered = { counts: 'counts', seed: structuredClone(seeds[34]) } as Candidate;
  for await (const batch of grid.batches(10)) {
    batches.push(batch);
    if (batches.length === 2) grid.learn([answered, { ...answered, counts: 'more' }]);
  }
  t.same(
    batches.map(({ length }) => length),
    [10, 6, 10, 10, 10, 10, 10, 6],
  );
  const asked = batches.flat();
  t.equal(asked.length, adaptiveCount(16));
  t.equal(asked.length, 72);
  t.equal(new Set(asked).size, asked.length, 'none twice');
  const places = [2, 6, 10, 14];
  t.same(
    asked.slice(0, 16),
    places.flatMap((row) => places.map((column) => seeds[16 * row + column])),
  );
  t.equal(asked[16], seeds[255], 'then as the lane says');
  const found = lane.tasks.map((task) => task.found);
  t.same(found[0], [{ place: 34, masks: ['counts', 'more'] }], 'which hears of each mask');
  t.ok(
    found.slice(1).every((later) => later.length === 0),
    'once',
  );
});

t.test('small grids are asked whole', async (t) => {
  for (const side of [0, 1, 3, 4]) {
    const { seeds, grid, lane } = gridOf(side);
    const asked: Seed[] = [];
    for await (const batch of grid.batches(16)) asked.push(...batch);
    t.same(asked, seeds, `${side} a side`);
    t.equal(lane.tasks.length, 0);
  }
  t.same([5, 7, 8, 32, 128].map(adaptiveCount), [16, 16, 18, 288, 4608]);
});
