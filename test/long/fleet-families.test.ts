import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { SAFETENSORS } from '#src/http/schemas/media-types.js';
import { fillDetectorFolder } from '../fixtures/detector.js';
import { folder } from '../fixtures/folder.js';
import { until } from '../fixtures/gauges.js';
import { post } from '../fixtures/post.js';
import { ask, noRedis, startRedis } from '../fixtures/redis.js';
import { fillSam2Folder } from '../fixtures/sam2.js';
import { form, startService } from '../fixtures/service.js';
import { ServiceProcess } from '../fixtures/service-process.js';
import { skip as noTexts, referencePath } from '../owl/fixtures/reference.js';
import { skip as noSam2 } from '../sam/fixtures/sam2-reference.js';

const skip = noRedis || noTexts || noSam2;
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

t.test('SAM 2 and texts go through the queue as well', { skip }, async (t) => {
  const models = folder(t);
  await fillSam2Folder(models);
  fillDetectorFolder(models);
  const settings = {
    ...{ SAM_MODELS_DIR: models, SAM_MODELS: 'small_sam2', SAM_TEXT_MODEL: 'small_owl' },
    SAM_ENCODE_THREADS: '1',
  };
  const [redis, jobs] = [await startRedis(t), await startRedis(t)];
  const shared = { ...settings, SAM_REDIS_URL: redis.url, SAM_QUEUE_URL: jobs.url };
  const encoder = await ServiceProcess.launchEncoder({ ...shared, LOG_LEVEL: 'info' });
  t.teardown(() => encoder.stop());
  const start = () => startService(t, { ...shared, SAM_ENCODE: 'queue' });
  const [a, b, alone] = await Promise.all([start(), start(), startService(t, settings)]);
  await encoder.ready();

  const photo = readFileSync(referencePath('tall.png'));
  const id = `small_sam2:${createHash('sha256').update(photo).digest('hex')}`;
  const uploads = [a, b, a, b].map(({ post }) => post('/embed?text=true', form(photo)));
  const flights = (await Promise.all((await Promise.all(uploads)).map(json))).map(
    (x) => x['flight'],
  );
  t.equal(flights.filter((flight) => flight === 'computed').length, 1, flights.join(' '));
  const made = () => encoder.log.filter((line) => /"outcome":"made".*job ended/.test(line)).length;
  t.ok(await until(async () => made() >= 2));
  t.equal(made(), 2, 'one job for the embedding, one for what texts are found by');

  const cached = ask(t, redis);
  const sizes: number[] = [];
  for (const name of await cached.keys('*:embedding')) {
    for (const value of await cached.hvalsBuffer(name)) sizes.push(value.length);
  }
  const [, larger = 0] = sizes.sort((a, b) => a - b);
  t.ok(larger > 8 * 2 ** 20 && larger < 8.01 * 2 ** 20, `SAM 2's takes 8 MiB, not ${larger}`);

  await json(await alone.post('/embed?text=true', form(photo)));
  const answers = async ({ url }: { url: string }) => {
    const prompts = [{ box: [20, 20, 150, 200] }, { text: 'a wheel' }];
    const asked = prompts.map((prompt) => post(`${url}/decode`, { embedding_id: id, ...prompt }));
    const headers = { accept: SAFETENSORS };
    const file = await (await fetch(`${url}/embeddings/${id}`, { headers })).arrayBuffer();
    const download = createHash('sha256').update(Buffer.from(file)).digest('hex');
    const [byBox, byText] = await Promise.all((await Promise.all(asked)).map(json));
    return { download, byBox: byBox?.['results'], byText: byText?.['results'] };
  };
  const expected = await answers(alone);
  t.ok(expected.byBox && expected.byText);
  for (const service of [a, b]) t.same(await answers(service), expected, 'equal to the bit');

  t.equal((await fetch(`${a.url}/embeddings/${id}`, { method: 'DELETE' })).status, 204);
  const asked = { embedding_id: id, text: 'a wheel' };
  t.equal((await post(`${b.url}/decode`, asked)).status, 404, 'both are gone');
  t.same(await ask(t, redis).keys('*:embedding'), []);
  t.ok((await ask(t, jobs).exists('{sam}:encode:meta')) > 0, 'jobs have a Redis of their own');
  t.same(await ask(t, redis).keys('*encode*'), []);
});
