import t from 'tap';
import { inSlices } from '#src/service/everything/slices.js';

t.test('slices of as many as fit, no more than one ahead of who reads', async (t) => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  const asked: number[] = [];
  const work = async (some: readonly number[]) => {
    asked.push(some.length);
    return some.slice(0, 5).map((i) => 10 * i);
  };
  const results: number[] = [];
  let read = 0;
  for await (const slice of inSlices(items, work)) {
    results.push(...slice);
    read++;
    t.ok(asked.length <= read + 1, `${asked.length} begun when ${read} were read`);
  }
  t.same(
    results,
    items.map((i) => 10 * i),
  );
  t.ok(Math.max(...asked) <= 10, 'about as many as fitted before');
});

t.test('what fails fails when it is read', async (t) => {
  const work = async ([first]: readonly number[]) => {
    if (first !== 0) throw new Error('late');
    return [first];
  };
  const slices = inSlices([0, 1], work);
  t.same((await slices.next()).value, [0]);
  await t.rejects(slices.next(), { message: 'late' });
  t.same(await inSlices([], work).next(), { done: true, value: undefined });
});
