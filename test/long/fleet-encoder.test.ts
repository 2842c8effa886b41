import { createHash } from 'node:crypto';
import t from 'tap';
import { post } from '../fixtures/post.js';
import { ask, noRedis, startRedis } from '../fixtures/redis.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';
import { ServiceProcess } from '../fixtures/service-process.js';

const picture = await draw(scene(1));
const id = `mobile_sam:${createHash('sha256').update(picture).digest('hex')}`;
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

t.test('an encode worker makes what a service is asked for', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const settings = { SAM_REDIS_URL: redis.url, SAM_ENCODE_THREADS: '1' };
  const encoder = await ServiceProcess.launchEncoder(settings);
  t.teardown(() => encoder.stop());
  const service = await startService(t, { ...settings, SAM_ENCODE: 'queue' });
  await encoder.ready();
  const uploads = Array.from({ length: 5 }, () => service.post('/embed', form(picture)));
  const answers = await Promise.all((await Promise.all(uploads)).map(json));
  t.same(answers.map(({ flight }) => flight).sort(), [
    'computed',
    'joined',
    'joined',
    'joined',
    'joined',
  ]);
  t.match(answers[0], { timings: { queue_ms: Number, encode_ms: Number } });
  const click = { embedding_id: id, point_coords: [scene(1).shapes[0]?.point], point_labels: [1] };
  t.equal((await post(`${service.url}/decode`, click)).status, 200);
  const broken = Buffer.from(picture.subarray(0, 2000));
  await problem(t, await service.post('/embed', form(broken)), 422, 'image-unreadable');
  const { models } = (await (await fetch(`${service.url}/models`)).json()) as { models: object[] };
  t.match(models[0], { encoder: { provider: 'queue' } });
  t.match(
    await (await fetch(`${encoder.url}/metrics`)).text(),
    /sam_jobs_total\{outcome="made"\} 1/,
  );
  const fields = { crop_n_layers: 1, points_per_side: 2 };
  const all = await service.post('/everything', form(picture, fields));
  t.equal(all.status, 200, 'crops go to it as well');
  await all.text();
  const client = ask(t, redis);
  const left = (await client.keys('*')).filter(
    (key) => !/:encode:(meta|events|marker|stalled-check|id)$/.test(key),
  );
  for (const key of left) t.ok((await client.pttl(key)) > 0, `${key} ends`);
});
