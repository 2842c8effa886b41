import t from 'tap';
import { Client } from '../../attack/client.js';
import { variant } from '../../attack/images.js';
import { Victim } from '../../attack/victim.js';

/** MiB; in bands it is 109 to 114, and 277 to 282 without. */
const MOST = 190;

t.test('what the first images leave in memory', async (t) => {
  const victim = await Victim.start();
  t.teardown(() => victim.stop());
  const client = new Client(victim.url);
  t.teardown(() => client.close());
  const ready = victim.resident;
  for (const i of [1, 2]) t.equal((await client.embed(variant(i))).status, 201);
  const grown = victim.resident - ready;
  t.ok(grown < MOST, `${grown.toFixed(0)} MiB`);
});
