import t from 'tap';
import { onceEach } from '#src/core/once-each.js';

t.test('an argument is made once, whoever asks and however often', async (t) => {
  let calls = 0;
  const twice = onceEach(async (n: number) => {
    calls++;
    return 2 * n;
  });
  t.strictSame(await Promise.all([twice(1), twice(2), twice(1)]), [2, 4, 2]);
  t.equal(await twice(2), 4);
  t.equal(calls, 2);
});

t.test('arguments are told apart by their key', async (t) => {
  const made: string[] = [];
  const nameOf = onceEach(
    ({ name }: { name: string }) => {
      made.push(name);
      return name;
    },
    ({ name }) => name.toLowerCase(),
  );
  t.equal(await nameOf({ name: 'A' }), 'A');
  t.equal(await nameOf({ name: 'a' }), 'A');
  t.strictSame(made, ['A']);
});

t.test('a failure reaches all who wait, and the next tries again', async (t) => {
  let calls = 0;
  const third = onceEach(async (_: string) => {
    calls++;
    if (calls < 3) throw new Error(`failure ${calls}`);
    return calls;
  });
  const waiting = [third('a'), third('a')];
  for (const promise of waiting) await t.rejects(promise, { message: 'failure 1' });
  await t.rejects(third('a'), { message: 'failure 2' });
  t.equal(await third('a'), 3);
  t.equal(await third('a'), 3);
});

t.test('a failure that is thrown at once is a rejection as well', async (t) => {
  const fail = onceEach((_: string): number => {
    throw new Error('at once');
  });
  await t.rejects(fail('a'), { message: 'at once' });
  await t.rejects(fail('a'), { message: 'at once' });
});
