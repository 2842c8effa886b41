import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import t from 'tap';
import { allRefusals, CHECKLIST_SETTINGS } from '../../attack/checklist.js';
import { goodImages, idOf, PICTURE, variant } from '../../attack/images.js';
import { checkMasks } from '../../attack/masks-of-images.js';
import { type Answer, answerOf } from '../../attack/refusals/answer.js';
import { bearer, keyLine } from '../fixtures/api-key.js';
import { noise } from '../fixtures/pictures.js';
import { form, startService } from '../fixtures/service.js';

const id = idOf(PICTURE);
const box = [40, 40, 140, 140];

t.test('every bad request gets its status and problem, and leaves nothing behind', async (t) => {
  const { url, post } = await startService(t, CHECKLIST_SETTINGS);
  t.equal((await post('/embed', form(PICTURE))).status, 201);

  /** What a request may leave behind, when it is over. */
  const left = async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const gauge = (name: string) =>
      Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (.*)$`, 'm').exec(text)?.[1]);
    return {
      waiting: gauge('sam_lane_waiting{lane="encode"}') + gauge('sam_lane_waiting{lane="decode"}'),
      running: gauge('sam_lane_running{lane="encode"}') + gauge('sam_lane_running{lane="decode"}'),
      uploads: gauge('sam_upload_bytes'),
      pixels: gauge('sam_pixels_in_flight'),
      entries: gauge('sam_cache_entries{tier="memory"}'),
      temporary: readdirSync(tmpdir()).filter((name) => /multipart|upload|vips|sharp/.test(name)),
    };
  };
  const clean = await left();
  t.match(clean, { waiting: 0, running: 0, uploads: 0, pixels: 0, entries: 1 });

  for (const [name, status, code, send] of await allRefusals(url, id)) {
    await t.test(name, async (t) => {
      const { headers, body, ...answer } = await answerOf(await send());
      t.match(answer, { status, type: code }, JSON.stringify(body));
      t.notMatch(JSON.stringify(body), /node_modules|\.js\b|\/src\/|vips|passwd;/);
      if (status === 405) t.match(headers.get('allow'), /POST/);
      // A connection that was cut off mid-body may take a turn of the loop to let go.
      let now = await left();
      for (let tries = 0; tries < 50 && JSON.stringify(now) !== JSON.stringify(clean); tries++) {
        await after(20);
        now = await left();
      }
      t.same(now, clean, 'nothing is left behind');
    });
  }
  t.equal((await post('/decode', { embedding_id: id, box })).status, 200, 'the next good request');
  t.equal((await post('/embed', form(variant(1)))).status, 201);

  await t.test('unknown, evicted and deleted look the same', async (t) => {
    const ask = async (embedding_id: string): Promise<Answer> =>
      answerOf(await post('/decode', { embedding_id, box }));
    t.equal((await fetch(`${url}/embeddings/${id}`, { method: 'DELETE' })).status, 204);
    const deleted = await ask(id);
    const unknown = await ask(`mobile_sam:${'0'.repeat(64)}`);
    t.equal(deleted.status, 404);
    const same = ({ body }: Answer, of: string) =>
      JSON.stringify({ ...body, requestId: '' }).replaceAll(of, '<id>');
    t.equal(same(deleted, id), same(unknown, `mobile_sam:${'0'.repeat(64)}`));
  });

  await t.test('good images of every kind get their mask', async (t) => {
    // A few of them; the full attack sends them all.
    const random = noise(6);
    const some = (await goodImages()).filter(() => random() < 0.25);
    t.ok(some.length > 2, some.map(([name]) => name).join());
    await checkMasks(url, some);
  });
});

t.test('keys, rates, a full queue and a worker that takes too long', async (t) => {
  const keys = keyLine('all', 'embed,decode,admin') + keyLine('clicks', 'decode');
  const { post, url } = await startService(t, {
    SAM_API_KEYS_FILE: join(t.testdir({ keys }), 'keys'),
    SAM_RATE_PER_KEY: '12',
    SAM_ENCODE_QUEUE: '0',
    SAM_ENCODE_TIMEOUT_MS: '100',
  });
  const embed = (key?: string) =>
    post('/embed', form(PICTURE), key ? bearer(key) : {}).then(answerOf);
  t.match(await embed(), { status: 401, type: 'unauthorized' });
  t.match(await embed('wrong'), { status: 401, type: 'unauthorized' });
  t.match(await embed('clicks'), { status: 403, type: 'forbidden' });
  const answers = await Promise.all([1, 2, 3].map(() => embed('all')));
  t.same(
    answers.map(({ status, type }) => `${status} ${type}`).sort(),
    // One uploads while the lane is idle; what comes while it runs joins it, or finds no room.
    answers
      .map(({ status }) => (status === 503 ? '503 overloaded' : '504 inference-timeout'))
      .sort(),
  );
  t.ok(answers.some(({ status }) => status === 504));
  const models = (key: string) => fetch(`${url}/models`, { headers: bearer(key) });
  const limited = await (async () => {
    for (;;) {
      const response = await models('all');
      if (response.status !== 200) return answerOf(response);
    }
  })();
  t.match(limited, { status: 429, type: 'rate-limited' });
  t.ok(Number(limited.headers.get('retry-after')) >= 1);
  t.equal((await models('clicks')).status, 200, 'the next good request');
});
