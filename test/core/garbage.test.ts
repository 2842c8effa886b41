import t from 'tap';
import { collectGarbage } from '#src/core/garbage.js';

t.test('shared memory that nobody holds is gone', async (t) => {
  const gone = new WeakRef(new SharedArrayBuffer(2 ** 21));
  // A reference made in this turn is held to its end.
  await new Promise((resolve) => setImmediate(resolve));
  t.ok(gone.deref(), 'not by itself');
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  t.equal(gone.deref(), undefined);
});
