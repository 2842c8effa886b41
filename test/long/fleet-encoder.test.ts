import { createHash } from 'node:crypto';
import t from 'tap';
import { startCollector } from '../fixtures/collector.js';
import { until } from '../fixtures/gauges.js';
import { post } from '../fixtures/post.js';
import { ask, noRedis, startRedis } from '../fixtures/redis.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, type Service, startService } from '../fixtures/service.js';
import { ServiceProcess } from '../fixtures/service-process.js';

const picture = await draw(scene(1));
const id = `mobile_sam:${createHash('sha256').update(picture).digest('hex')}`;
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;
const click = { embedding_id: id, point_coords: [scene(1).shapes[0]?.point], point_labels: [1] };

async function metric({ url }: { url: string }, line: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const start = text.indexOf(`\n${line} `);
  return start < 0 ? Number.NaN : Number.parseFloat(text.slice(start + line.length + 2));
}

t.test('an encode worker makes what a service is asked for', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const { spans, settings: traced } = await startCollector(t);
  const settings = { SAM_REDIS_URL: redis.url, SAM_ENCODE_THREADS: '1', LOG_LEVEL: 'info' };
  const encoder = await ServiceProcess.launchEncoder({ ...settings, ...traced });
  t.teardown(() => encoder.stop());
  const queue = { SAM_REDIS_URL: redis.url, SAM_ENCODE: 'queue' };
  const service = await startService(t, { ...queue, ...traced });
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
  t.equal((await post(`${service.url}/decode`, click)).status, 200);
  const broken = Buffer.from(picture.subarray(0, 2000));
  await problem(t, await service.post('/embed', form(broken)), 422, 'image-unreadable');
  const { models } = (await (await fetch(`${service.url}/models`)).json()) as { models: object[] };
  t.match(models[0], { encoder: { provider: 'queue' } });
  t.equal(await metric(encoder, 'sam_jobs_total{outcome="made"}'), 1);
  const fields = { crop_n_layers: 1, points_per_side: 2 };
  const all = await service.post('/everything', form(picture, fields));
  t.equal(all.status, 200, 'crops go to it as well');
  await all.text();
  const client = ask(t, redis);
  const left = (await client.keys('*')).filter(
    (key) => !/:encode:(meta|events|marker|stalled-check|id)$/.test(key),
  );
  for (const key of left) t.ok((await client.pttl(key)) > 0, `${key} ends`);

  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const followed = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  // The gauge is looked at now and then: it still tells of the crops.
  const active = async (jobs: number) => (await metric(service, 'sam_queue_active')) === jobs;
  t.ok(await until(() => active(0)));
  const last = service.post('/embed', form(await draw(scene(2))), followed);
  t.ok(await until(() => active(1)));
  encoder.kill('SIGTERM');
  const answer = await last;
  t.equal(answer.status, 201, 'a worker that is to end finishes what it has');
  await answer.text();
  t.match(await encoder.ended(), { code: 0 });

  t.test('a trace goes through the queue', async (t) => {
    await service.close();
    const requestId = answer.headers.get('x-request-id');
    const request = spans.find((span) => span.name === 'POST /embed' && span.traceId === traceId);
    const job = spans.find(
      (span) => span.name === 'encode job' && span.parentSpanId === request?.spanId,
    );
    const attributes = Object.fromEntries((job?.attributes ?? []).map((a) => [a.key, a.value]));
    t.match(job, { traceId });
    t.match(attributes, {
      'sam.request_id': { stringValue: requestId },
      'sam.lane': { stringValue: 'mobile_sam' },
      'sam.attempts': { intValue: 1 },
    });
    const steps = spans.filter((span) => span.parentSpanId === job?.spanId);
    t.same(
      steps.map(({ name }) => name),
      ['queue', 'decode image', 'preprocess', 'encode'],
    );
    const line = encoder.log.find(
      (line) => line.includes('job ended') && line.includes(`${requestId}`),
    );
    t.match(line, /"outcome":"made"/, 'and the name of the request into the log');
  });
});

t.test('without its queue', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const settings = { SAM_REDIS_URL: redis.url, SAM_QUEUE_LIMIT: '1' };
  const start = (SAM_ENCODE: string) => startService(t, { ...settings, SAM_ENCODE });
  const [queue, either] = await Promise.all([start('queue'), start('queue-or-local')]);
  const reaches = async (service: Service, how: number) =>
    t.ok(await until(async () => (await metric(service, 'sam_queue_reachable')) === how));

  const leaving = new AbortController();
  const { signal } = leaving;
  const body = new Uint8Array(picture);
  const headers = { 'content-type': 'image/png' };
  const waiting = fetch(`${queue.url}/embed`, { method: 'POST', body, headers, signal });
  t.ok(await until(async () => (await metric(either, 'sam_queue_waiting')) === 1));
  t.ok(await until(async () => (await metric(queue, 'sam_queue_waiting')) === 1));
  for (const service of [queue, either]) {
    const full = await service.post('/embed', form(await draw(scene(2))));
    t.match(
      full.headers.get('retry-after'),
      /^\d+$/,
      'a queue that is full is no queue that is away',
    );
    await problem(t, full, 503, 'overloaded');
  }
  leaving.abort();
  await t.rejects(waiting);
  t.ok(await until(async () => (await metric(either, 'sam_queue_waiting')) === 0));

  const begun = either.post('/embed', form(picture));
  t.ok(await until(async () => (await metric(either, 'sam_queue_waiting')) === 1));
  await redis.stop();
  t.match(await json(await begun), { flight: 'computed' }, 'what waited is encoded here');
  await Promise.all([reaches(queue, 0), reaches(either, 0)]);
  await problem(t, await queue.post('/embed', form(picture)), 503, 'overloaded');
  t.match(await json(await either.post('/embed', form(await draw(scene(3))))), {
    flight: 'computed',
  });
  t.equal(await metric(either, 'sam_queue_fallbacks_total'), 2);
  t.equal((await either.post('/decode', click)).status, 200);

  await redis.start();
  await Promise.all([reaches(queue, 1), reaches(either, 1)]);
  const again = either.post('/embed', form(await draw(scene(4))));
  t.ok(
    await until(async () => (await metric(either, 'sam_queue_waiting')) === 1),
    'and then it waits',
  );
  const encoder = await ServiceProcess.launchEncoder({ ...settings, SAM_ENCODE_THREADS: '1' });
  t.teardown(() => encoder.stop());
  t.match(await json(await again), { flight: 'computed' });
  t.equal(await metric(encoder, 'sam_jobs_total{outcome="made"}'), 1);
});
