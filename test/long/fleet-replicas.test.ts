import { createHash } from 'node:crypto';
import t from 'tap';
import { post } from '../fixtures/post.js';
import { ask, noRedis, startRedis } from '../fixtures/redis.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, type Service, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const id = `mobile_sam:${createHash('sha256').update(picture).digest('hex')}`;
const point = scene(1).shapes[0]?.point;
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

const click = { embedding_id: id, point_coords: [point], point_labels: [1] };

interface Masks {
  readonly results: readonly { readonly masks: readonly { readonly logits_token: string }[] }[];
}

/** A click, with the token of its logits. */
async function clicked(url: string): Promise<{ mask: object; token: string }> {
  const body = { ...click, multimask_output: false, return_logits_token: true };
  const { results } = (await json(await post(`${url}/decode`, body))) as unknown as Masks;
  const { logits_token: token, ...mask } = results[0]?.masks[0] ?? { logits_token: '' };
  return { mask, token };
}

/** All that may be asked about the image, but what takes a token. */
async function asked(url: string) {
  const path = `${url}/embeddings/${id}`;
  const { embedding_id: _, ...prompt } = click;
  const grid = { points_per_side: 2, pred_iou_thresh: 0, stability_score_thresh: 0 };
  const [plain, byPath, all] = await Promise.all([
    post(`${url}/decode`, click).then(json),
    post(`${path}/decode`, prompt).then(json),
    post(`${path}/everything`, grid).then(json),
  ]);
  const headers = { accept: 'application/octet-stream' };
  const download = Buffer.from(await (await fetch(path, { headers })).arrayBuffer());
  const { mask } = await clicked(url);
  const { status } = await fetch(path, { method: 'HEAD' });
  const masks = { plain: plain['results'], byPath: byPath['results'], all: all['masks'] };
  return { ...masks, mask, status, download: download.toString('base64') };
}

async function refined(url: string, token: string): Promise<unknown> {
  const body = { ...click, multimask_output: false, mask_input: { token } };
  return (await json(await post(`${url}/decode`, body)))['results'];
}

t.test('what one replica makes, all have', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const settings = { SAM_REDIS_URL: redis.url };
  const replicas = await Promise.all([1, 2, 3].map(() => startService(t, settings)));
  const alone = await startService(t);
  await json(await alone.post('/embed', form(picture)));
  const expected = await asked(alone.url);
  const expectedRefined = await refined(alone.url, (await clicked(alone.url)).token);
  t.same(expected.byPath, expected.plain);

  for (const [home, maker] of replicas.entries()) {
    for (const [out, deleter] of replicas.entries()) {
      const { flight } = await json(await maker.post('/embed', form(picture)));
      t.equal(flight, 'computed', 'what was deleted is made anew');
      if (out === 0) {
        const next = replicas[(home + 1) % 3] as Service;
        for (const tier of ['shared', 'memory']) {
          const again = await json(await next.post('/embed', form(picture)));
          t.match(again, { flight: 'cached', tier });
        }
        for (const { url } of replicas) {
          t.same(await asked(url), expected, 'equal to the bit to what one process answers');
          const { token } = await clicked(url);
          for (const other of replicas) {
            t.same(await refined(other.url, token), expectedRefined, 'tokens travel');
          }
        }
      }
      const path = `/embeddings/${id}`;
      const deleted = await fetch(`${deleter.url}${path}`, { method: 'DELETE' });
      t.equal(deleted.status, 204, `made by ${home}, deleted by ${out}`);
      for (const { url } of replicas) {
        await problem(t, await post(`${url}/decode`, click), 404, 'embedding-not-found');
        t.equal((await fetch(url + path, { method: 'HEAD' })).status, 404);
      }
    }
  }
  const twice = await fetch(`${replicas[0]?.url}/embeddings/${id}`, { method: 'DELETE' });
  await problem(t, twice, 404, 'embedding-not-found');
  const client = ask(t, redis);
  for (const key of await client.keys('*')) t.ok((await client.pttl(key)) > 0, `${key} ends`);
});

t.test('one image is encoded once', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const settings = { SAM_REDIS_URL: redis.url };
  const replicas = await Promise.all([1, 2, 3].map(() => startService(t, settings)));
  const uploads = Array.from({ length: 200 }, (_, i) =>
    post(`${replicas[i % 3]?.url}/embed`, form(picture)),
  );
  const answers = await Promise.all((await Promise.all(uploads)).map(json));
  const flights = answers.map(({ flight }) => flight);
  t.equal(flights.filter((flight) => flight === 'computed').length, 1, flights.join(' '));
  t.equal(flights.filter((flight) => flight === 'joined' || flight === 'cached').length, 199);
});

t.test('without its Redis a replica goes on', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const service = await startService(t, { SAM_REDIS_URL: redis.url });
  await (await service.post('/embed', form(picture))).text();
  redis.kill('SIGSTOP');
  const start = performance.now();
  t.equal((await service.post('/decode', click)).status, 200, 'from memory');
  const other = await draw(scene(2));
  t.match(await json(await service.post('/embed', form(other))), { flight: 'computed' });
  const deletion = await fetch(`${service.url}/embeddings/${id}`, { method: 'DELETE' });
  await problem(t, deletion, 503, 'not-deleted');
  await problem(t, await service.post('/decode', click), 404, 'embedding-not-found');
  t.ok(performance.now() - start < 20_000, 'nothing hangs');
  redis.kill('SIGCONT');
  for (let left = 100; left > 0; left--) {
    const again = await fetch(`${service.url}/embeddings/${id}`, { method: 'DELETE' });
    await again.text();
    if (again.status !== 503) break;
    t.not(left, 1, 'it recovers');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await redis.stop();
  t.match(await json(await service.post('/embed', form(picture))), { flight: 'computed' });
  t.equal((await service.post('/decode', click)).status, 200);
});

t.test('requests are counted over all replicas', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const settings = { SAM_REDIS_URL: redis.url, SAM_RATE_PER_ADDRESS: '4' };
  const [a, b] = await Promise.all([1, 2].map(() => startService(t, settings)));
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) {
    statuses.push((await fetch(`${i % 2 ? a?.url : b?.url}/models`)).status);
  }
  t.same(statuses, [200, 200, 200, 200, 429, 429]);
});
