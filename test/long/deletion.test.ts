import { createHash } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { folder } from '../fixtures/folder.js';
import { whileReadOnly } from '../fixtures/read-only.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, type Service, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const path = `/embeddings/mobile_sam:${createHash('sha256').update(picture).digest('hex')}`;
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

function client({ url, post }: Service) {
  const ask = (method: string) => fetch(url + path, { method });
  /** Waits until an image is in the hands of an encode worker. */
  const encoding = async (t: Test) => {
    for (let waited = 0; ; waited += 5) {
      const text = await (await fetch(`${url}/metrics`)).text();
      if (/^sam_lane_running\{lane="encode"\} 1$/m.test(text)) return;
      if (waited > 20_000) t.bailout('no encode ever begins');
      await after(5);
    }
  };
  return { ask, encoding, embed: () => post('/embed', form(picture)) };
}

t.test('deleted while it is made', async (t) => {
  const directory = folder(t);
  const service = await startService(t, { SAM_CACHE_DIR: directory });
  const { ask, encoding, embed } = client(service);
  t.equal((await ask('DELETE')).status, 404, 'before there is one');
  // With another image, so that the network is loaded.
  await (await service.post('/embed', form(await draw(scene(2))))).text();
  const first = embed();
  await encoding(t);
  t.equal((await ask('DELETE')).status, 204);
  t.equal((await ask('DELETE')).status, 404, 'once');
  const second = embed();
  t.match(await json(await first), { flight: 'computed' }, 'who waited for it gets it');
  t.equal((await ask('HEAD')).status, 404, 'and it is not kept');
  t.match(await json(await second), { flight: 'computed' }, 'who came later has not joined');
  t.equal((await ask('HEAD')).status, 200);
  t.match(await json(await embed()), { flight: 'cached' });
});

t.test('deleted on a disk that cannot be written', async (t) => {
  const directory = folder(t);
  const settings = { SAM_CACHE_DIR: directory };
  const before = await startService(t, settings);
  await (await client(before).embed()).text();
  await before.close();
  const service = await startService(t, settings);
  const { ask, embed } = client(service);
  await whileReadOnly(directory, async () => {
    t.equal((await ask('HEAD')).status, 200);
    for (let i = 0; i < 2; i++) {
      const answer = await ask('DELETE');
      t.equal(answer.headers.get('retry-after'), '10');
      const { detail } = await problem(t, answer, 503, 'not-deleted');
      t.match(detail, /could not be deleted from disk/);
      t.notMatch(detail, directory);
      await problem(t, await ask('GET'), 404, 'embedding-not-found');
    }
  });
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  t.match(metrics, 'sam_disk_faults_total{fault="delete"} 2');
  t.equal((await ask('GET')).status, 404);
  t.equal((await ask('DELETE')).status, 204, 'once it can be');
  t.equal((await ask('DELETE')).status, 404);
  t.match(await json(await embed()), { flight: 'computed' });
});
