import t from 'tap';
import { Undeleted } from '#src/store/undeleted.js';

t.test('as many as are remembered one by one, and then none is trusted', async (t) => {
  const undeleted = new Undeleted(2);
  for (const path of ['a', 'b', 'a']) undeleted.add(path);
  t.same(
    ['a', 'b', 'c'].map((path) => undeleted.has(path)),
    [true, true, false],
  );
  undeleted.forget('a');
  t.equal(undeleted.has('a'), false);
  for (const path of ['c', 'd']) undeleted.add(path);
  t.same(
    ['a', 'b', 'c', 'd'].map((path) => undeleted.has(path)),
    [true, true, true, true],
  );
});
