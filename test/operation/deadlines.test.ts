import t from 'tap';
import { folder } from '../fixtures/folder.js';
import { draw, scene } from '../fixtures/scenes.js';
import { problem, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const headers = { 'content-type': 'image/png' };

t.test('work past its deadline is ended, and said to be', async (t) => {
  const SAM_CACHE_DIR = folder(t);
  const patient = await startService(t, { SAM_CACHE_DIR });
  const answer = await patient.post('/embed', picture, headers);
  t.equal(answer.status, 201);
  const { embedding_id } = (await answer.json()) as { embedding_id: string };
  const click = { embedding_id, point_coords: [[100, 100]], point_labels: [1] };
  t.equal((await patient.post('/decode', click)).status, 200);

  const { post, url } = await startService(t, {
    SAM_CACHE_DIR,
    SAM_ENCODE_TIMEOUT_MS: '50',
    SAM_DECODE_TIMEOUT_MS: '1',
  });
  const other = await draw(scene(2));
  await problem(t, await post('/embed', other, headers), 504, 'inference-timeout');
  await problem(t, await post('/decode', click), 504, 'inference-timeout');
  await problem(t, await post('/everything', { embedding_id }), 504, 'inference-timeout');
  const metrics = await (await fetch(`${url}/metrics`)).text();
  for (const lane of ['encode', 'decode']) {
    t.match(metrics, new RegExp(`sam_workers_lost_total\\{lane="${lane}"\\} [1-9]`));
    t.match(metrics, new RegExp(`sam_lane_waiting\\{lane="${lane}"\\} 0`));
  }
});
