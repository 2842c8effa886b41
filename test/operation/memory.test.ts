import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { problem, startService } from '../fixtures/service.js';

t.test(
  'short memory keeps images out, before their bytes are read, and nothing else',
  async (t) => {
    const { url, post } = await startService(t, {
      SAM_MAX_RSS: '1M',
      SAM_MODELS_LOAD: 'first-use',
    });
    const picture = await draw(scene(1));
    for (let i = 0; i < 3; i++) {
      const answer = await post('/embed', picture, { 'content-type': 'image/png' });
      t.equal(answer.headers.get('retry-after'), '5');
      t.match(await problem(t, answer, 503, 'overloaded'), { detail: /memory/ });
    }
    const id = `mobile_sam:${'0'.repeat(64)}`;
    await problem(
      t,
      await post('/decode', { embedding_id: id, box: [1, 1, 9, 9] }),
      404,
      'embedding-not-found',
    );
    t.equal((await fetch(`${url}/readyz`)).status, 200);
    t.match(await (await fetch(`${url}/metrics`)).text(), /^sam_upload_bytes 0$/m);
  },
);
