import { join } from 'node:path';
import t from 'tap';
import { drain } from '../../attack/drain.js';
import { faults, faulty, flips } from '../../attack/faults.js';
import { startVictim } from './fixtures/victim.js';

t.test('workers that fail fail one request, and a drain fails none', async (t) => {
  const file = join(t.testdir(), 'fault');
  const settings = { SAM_DECODE_WORKERS: '1', ...faulty(file) };
  const victim = await startVictim(t, settings);
  const { failed } = await faults(victim, file, 4);
  t.equal(failed, 4);
  const { reset, answered } = await drain(1, async () => victim);
  t.equal(reset, 0);
  t.ok(answered > 0);
});

t.test('no altered file of the disk tier is served', async (t) => {
  const { refused, wrong } = await flips(t.testdir(), 300);
  t.equal(wrong, 0);
  t.ok(refused > 290);
});
