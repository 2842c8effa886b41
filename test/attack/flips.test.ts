import t from 'tap';
import { flips } from '../../attack/faults.js';

t.test('no altered file of the disk tier is served', async (t) => {
  const { refused, wrong } = await flips(t.testdir(), 300);
  t.equal(wrong, 0);
  t.ok(refused > 290);
});
