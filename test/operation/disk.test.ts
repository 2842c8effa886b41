import t from 'tap';
import { folder } from '../fixtures/folder.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const box = [40, 40, 140, 140];
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

t.test('a restart keeps what was embedded', async (t) => {
  const settings = { SAM_CACHE_DIR: folder(t) };
  const before = await startService(t, settings);
  const { embedding_id } = await json(await before.post('/embed', form(picture)));
  const { results } = await json(await before.post('/decode', { embedding_id, box }));
  await before.close();

  const after = await startService(t, settings);
  const found = await after.post('/embed', form(picture));
  t.match(await json(found), { embedding_id, flight: 'cached', tier: 'disk' });
  t.match(await json(await after.post('/embed', form(picture))), { tier: 'memory' });
  const decoded = await json(await after.post('/decode', { embedding_id, box }));
  t.same(decoded['results'], results, 'the same masks');
});
