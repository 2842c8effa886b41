import t from 'tap';
import { checkSiege, SIEGE_BYTES, siege } from '../../attack/siege.js';
import { Victim } from '../../attack/victim.js';

t.test('ten kinds of attack at once, in 3 GB', async (t) => {
  const victim = await Victim.start({}, SIEGE_BYTES);
  t.teardown(() => victim.stop());
  const figures = await siege(victim, { seconds: 8, aloneSeconds: 3, share: 1 / 8 });
  t.comment(figures);
  // How long things take is for the full siege, which has the machine to itself.
  t.doesNotThrow(() => checkSiege(victim, figures, false));
});
