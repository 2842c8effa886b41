import t from 'tap';
import { bombs } from '../../attack/bombs.js';
import { overload } from '../../attack/overload.js';
import { slowClients } from '../../attack/slow-clients.js';
import { canary, ssrf, ssrfSettings } from '../../attack/ssrf.js';
import { startVictim } from './fixtures/victim.js';

t.test('bombs, slow clients, foreign addresses and ten times the load', async (t) => {
  const trap = await canary();
  t.teardown(trap.close);
  const victim = await startVictim(t, {
    ...ssrfSettings(trap.port),
    SAM_HEADER_TIMEOUT_MS: '1000',
    SAM_REQUEST_TIMEOUT_MS: '2000',
    SAM_ENCODE_QUEUE: '2',
  });
  const { vectors, connections } = await ssrf(victim.url, trap);
  t.ok(vectors >= 100, `${vectors} vectors`);
  t.equal(connections, 0);
  const { statuses } = await bombs(victim, 10, 4000);
  t.ok((statuses[503] ?? 0) > 0 && (statuses[201] ?? 0) > 0, JSON.stringify(statuses));
  const slow = await slowClients(victim, 40, 0.5);
  t.equal(slow.answered408, 40, 'all are told so');
  const load = await overload(victim, 2);
  t.ok(load.refused > 0);
  t.equal(load.clickFailures, 0, 'clicks go on');
  t.same(victim.temporaryFiles, []);
  t.ok(victim.alive);
});
