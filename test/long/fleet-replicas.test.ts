import { createHash } from 'node:crypto';
import t from 'tap';
import { post } from '../fixtures/post.js';
import { ask, noRedis, startRedis } from '../fixtures/redis.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const id = `mobile_sam:${createHash('sha256').update(picture).digest('hex')}`;
const point = scene(1).shapes[0]?.point;
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

t.test('what one replica makes, all have', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const settings = { SAM_REDIS_URL: redis.url };
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => startService(t, settings)));
  if (!a || !b || !c) return;
  t.match(await json(await a.post('/embed', form(picture))), { flight: 'computed' });
  t.equal((await fetch(`${b.url}/embeddings/${id}`, { method: 'HEAD' })).status, 200);
  t.match(await json(await c.post('/embed', form(picture))), { flight: 'cached', tier: 'shared' });
  t.match(await json(await c.post('/embed', form(picture))), { flight: 'cached', tier: 'memory' });

  const click = { embedding_id: id, point_coords: [point], point_labels: [1] };
  const asked = { ...click, multimask_output: false, return_logits_token: true };
  const masks = async (url: string, body: object) => {
    const { results } = (await json(await post(`${url}/decode`, body))) as {
      results: { masks: { logits_token: string }[] }[];
    };
    const { logits_token, ...mask } = results[0]?.masks[0] ?? { logits_token: '' };
    return { logits_token, mask };
  };
  const [first, second] = [await masks(a.url, asked), await masks(b.url, asked)];
  t.same(second.mask, first.mask, 'equal to the bit');
  const refined = { ...click, multimask_output: false, mask_input: { token: first.logits_token } };
  t.same((await masks(c.url, refined)).mask, (await masks(a.url, refined)).mask, 'a token travels');

  const path = `/embeddings/${id}`;
  const { embedding_id: _, ...prompt } = click;
  const byPath = await Promise.all(
    [a, b, c].map(async ({ url }) => json(await post(`${url}${path}/decode`, prompt))),
  );
  const plain = await json(await post(`${a.url}/decode`, click));
  for (const { results } of byPath) t.same(results, plain['results'], 'by its path as well');
  const grid = { points_per_side: 2, pred_iou_thresh: 0, stability_score_thresh: 0 };
  const all = await Promise.all(
    [a, b, c].map(async ({ url }) => json(await post(`${url}${path}/everything`, grid))),
  );
  for (const { masks } of all) t.same(masks, all[0]?.['masks']);
  const downloads = await Promise.all(
    [a, b, c].map(async ({ url }) => {
      const headers = { accept: 'application/octet-stream' };
      return Buffer.from(await (await fetch(`${url}${path}`, { headers })).arrayBuffer());
    }),
  );
  for (const download of downloads) t.ok(download.equals(downloads[0] as Buffer));

  t.equal((await fetch(`${b.url}/embeddings/${id}`, { method: 'DELETE' })).status, 204);
  for (const { url } of [a, b, c]) {
    await problem(t, await post(`${url}/decode`, click), 404, 'embedding-not-found');
  }
  await problem(
    t,
    await fetch(`${a.url}/embeddings/${id}`, { method: 'DELETE' }),
    404,
    'embedding-not-found',
  );
  const client = ask(t, redis);
  for (const key of await client.keys('*')) t.ok((await client.pttl(key)) > 0, `${key} ends`);
});

t.test('one image is encoded once', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const settings = { SAM_REDIS_URL: redis.url };
  const replicas = await Promise.all([1, 2].map(() => startService(t, settings)));
  const uploads = Array.from({ length: 40 }, (_, i) =>
    post(`${replicas[i % 2]?.url}/embed`, form(picture)),
  );
  const answers = await Promise.all((await Promise.all(uploads)).map(json));
  const flights = answers.map(({ flight }) => flight);
  t.equal(flights.filter((flight) => flight === 'computed').length, 1, flights.join(' '));
  t.equal(flights.filter((flight) => flight === 'joined' || flight === 'cached').length, 39);
});

t.test('without its Redis a replica goes on', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const service = await startService(t, { SAM_REDIS_URL: redis.url });
  await (await service.post('/embed', form(picture))).text();
  const click = { embedding_id: id, point_coords: [point], point_labels: [1] };
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
