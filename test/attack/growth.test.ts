import t from 'tap';
import { GROWTH_SETTINGS, growth, leaking, line, MOST_GROWTH } from '../../attack/growth.js';
import { startVictim } from './fixtures/victim.js';

t.test('a leak would be noticed', async (t) => {
  t.same(line([1, 2, 3, 4]), { start: 1, end: 4 });
  const victim = await startVictim(t, { ...GROWTH_SETTINGS, ...leaking(2 * 2 ** 20) });
  const { grown } = await growth(victim, { decodes: 100, embeds: 0, warmUp: 20 });
  t.ok(grown > MOST_GROWTH, `${grown.toFixed(1)} %`);
});
