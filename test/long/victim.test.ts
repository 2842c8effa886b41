import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bombs } from '../../attack/bombs.js';
import { accepting, drain } from '../../attack/drain.js';
import { faults, faulty } from '../../attack/faults.js';
import { growth, leaking, line, MOST_GROWTH } from '../../attack/growth.js';
import { overload } from '../../attack/overload.js';
import { slowClients } from '../../attack/slow-clients.js';
import { canary, ssrf, ssrfSettings } from '../../attack/ssrf.js';
import { Victim, withHook } from '../../attack/victim.js';
import { folder } from '../fixtures/folder.js';

t.test('one process, attacked in every way', async (t) => {
  const directory = folder(t);
  const [accepted = '', fault = '', leak = ''] = ['accepted', 'fault', 'leak'].map((name) =>
    join(directory, name),
  );
  const trap = await canary();
  t.teardown(trap.close);
  const victim = await Victim.start({
    ...ssrfSettings(trap.port),
    ...accepting(accepted),
    ...faulty(fault),
    ...leaking(leak),
    ...withHook('accepted', 'fault', 'leak'),
    SAM_MODELS_LOAD: 'first-use',
    SAM_DECODE_WORKERS: '1',
    SAM_HEADER_TIMEOUT_MS: '1000',
    SAM_REQUEST_TIMEOUT_MS: '2000',
    SAM_ENCODE_QUEUE: '2',
  });
  t.teardown(() => victim.stop());

  await t.test('addresses that are not the web', async (t) => {
    const { vectors, connections } = await ssrf(victim.url, trap);
    t.ok(vectors >= 100, `${vectors} vectors`);
    t.equal(connections, 0);
  });

  await t.test('bombs', async (t) => {
    const { statuses } = await bombs(victim, 5, 4000);
    t.ok((statuses[503] ?? 0) > 0 && (statuses[201] ?? 0) > 0, JSON.stringify(statuses));
  });

  await t.test('slow clients', async (t) => {
    const { answered408 } = await slowClients(victim, 20, 0.5);
    t.equal(answered408, 20, 'all are told so');
  });

  await t.test('ten times the load', async (t) => {
    const { refused, clickFailures } = await overload(victim, 1);
    t.ok(refused > 0);
    t.equal(clickFailures, 0, 'clicks go on');
  });

  await t.test('workers that fail fail one request', async (t) => {
    const { failed } = await faults(victim, fault, 4);
    t.equal(failed, 4);
  });

  await t.test('a leak would be noticed', async (t) => {
    t.same(line([1, 2, 3, 4]), { start: 1, end: 4 });
    writeFileSync(leak, String(8 * 2 ** 20));
    const { grown } = await growth(victim, {
      decodes: 30,
      embeds: 0,
      warmUp: { decodes: 8, embeds: 1 },
    });
    rmSync(leak);
    t.ok(grown > MOST_GROWTH, `${grown.toFixed(1)} %`);
  });

  t.same(victim.temporaryFiles, []);
  t.ok(victim.alive);
  await t.test('a drain', async (t) => {
    const { reset, answered } = await drain(1, accepted, async () => victim);
    t.equal(reset, 0);
    t.ok(answered > 0);
  });
});
