import { pino } from 'pino';
import t, { type Test } from 'tap';
import { SamError } from '#src/core/errors.js';
import type { Encoded } from '#src/core/ports.js';
import { connect, disconnect } from '#src/fleet/connection.js';
import { Guard } from '#src/fleet/guard.js';
import { keys } from '#src/fleet/keys.js';
import { jobId } from '#src/fleet/queue/encode-job.js';
import { EncodeQueue } from '#src/fleet/queue/encode-queue.js';
import { EncodeWorker } from '#src/fleet/queue/encode-worker.js';
import { FleetLoad } from '#src/fleet/queue/fleet-load.js';
import { Gate } from '#src/fleet/queue/gate.js';
import type { JobReport } from '#src/fleet/queue/job-report.js';
import { SharedStore } from '#src/fleet/shared-store.js';
import { embeddingOf, FINGERPRINT, keyOf } from '../fixtures/embeddings.js';
import { until } from '../fixtures/gauges.js';
import {
  ask,
  asUser,
  noRedis,
  type RedisServer,
  startRedis,
  userOptions,
} from '../fixtures/redis.js';

const logger = pino({ level: 'silent' });
const LIMITS = { limit: 2, queueMs: 60_000, runMs: 60_000 };
const forever = new AbortController().signal;

type Address = Pick<RedisServer, 'url'>;

function connections(t: Test, { url }: Address) {
  const redis = connect(url, { name: 'test', logger });
  const patient = connect(url, { name: 'test', patient: true, logger });
  const guard = new Guard({ timeoutMs: 5000 });
  const announcer = { announce: async () => false };
  const options = { ttlMs: 60_000, onCorrupt: () => {}, onBytes: () => {} };
  const shared = new SharedStore(redis, guard, announcer, options);
  t.teardown(() => {
    disconnect(redis);
    disconnect(patient);
  });
  return { redis, patient, guard, shared };
}

async function startQueue(t: Test, server: Address) {
  const { redis, patient, guard } = connections(t, server);
  if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
  const queue = new EncodeQueue(redis, patient, guard, { ...LIMITS, retryAfter: () => 3 });
  t.teardown(() => queue.close());
  return { queue, redis, guard };
}

/** A worker whose network is the test. */
async function startWorker(t: Test, server: Address, encode: () => Promise<Encoded>) {
  const parts = connections(t, server);
  const jobs: JobReport[] = [];
  const worker = new EncodeWorker({
    ...parts,
    lanes: new Map([['mobile_sam', { fingerprint: FINGERPRINT, encode }]]),
    concurrency: 2,
    perSecond: () => 4,
    onJob: (job) => jobs.push(job),
    onStalled: () => {},
    logger,
  });
  if (parts.redis.status !== 'ready') {
    await new Promise((resolve) => parts.redis.once('ready', resolve));
  }
  worker.start();
  t.teardown(() => worker.close());
  return { worker, jobs, ...parts };
}

function order(number: number, signal = forever) {
  const key = keyOf(embeddingOf(number));
  const id = jobId(key, '0');
  const at = {
    lane: 'mobile_sam',
    key,
    model: 'mobile_sam',
    deletions: '0',
    image: keys.image(id),
  };
  return { id, job: at, image: Buffer.from(`${number}`), background: false, signal };
}

async function made(number = 1): Promise<Encoded> {
  const { image, tensors } = embeddingOf(number);
  return { image, tensors, timings: { encode_ms: 1 }, warnings: ['w'] };
}

t.test('one job for all who ask', { skip: noRedis }, async (t) => {
  const server = await startRedis(t, ...userOptions());
  // With the rights that the guide asks for, and no more.
  const user = { url: asUser(server.url) };
  const [a, b] = [await startQueue(t, user), await startQueue(t, user)];
  const { jobs, shared } = await startWorker(t, user, () => made(1));
  const answers = await Promise.all([a, b, a, b].map(({ queue }) => queue.run(order(1))));
  t.equal(answers.filter(({ first }) => first).length, 1);
  for (const { result } of answers) t.match(result, { image: { width: 401 }, warnings: ['w'] });
  t.match(jobs, [{ outcome: 'made', attempts: 1 }]);
  t.ok(await shared.get(keyOf(embeddingOf(1))));
  const left = (await ask(t, server).keys('*')).filter((each) => each.includes(order(1).id));
  t.same(left, [], 'nothing of the job is left');
});

t.test('what is wrong with an image is told', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const { queue } = await startQueue(t, server);
  await startWorker(t, server, async () => {
    throw new SamError('image-unreadable', 'the image is damaged');
  });
  const wrong = { code: 'image-unreadable', message: 'the image is damaged' };
  await t.rejects(queue.run(order(1)), wrong);
});

t.test('another version is not served', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const { queue } = await startQueue(t, server);
  await startWorker(t, server, () => made());
  const { job, ...rest } = order(1);
  const key = { ...job.key, fingerprint: 'cd'.repeat(32) };
  await t.rejects(queue.run({ ...rest, job: { ...job, key } }), { code: 'overloaded' });
});

t.test('who leaves takes the job out, unless others wait', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const [a, b] = [await startQueue(t, server), await startQueue(t, server)];
  const [leaving, staying] = [new AbortController(), new AbortController()];
  const first = a.queue.run(order(1, leaving.signal));
  await until(async () => (await a.queue.look()).waiting === 1);
  const second = b.queue.run(order(1, staying.signal));
  const client = ask(t, server);
  await until(async () => (await client.scard(keys.waiters(order(1).id))) === 2);
  leaving.abort();
  await t.rejects(first, { name: 'AbortError' });
  await until(async () => (await client.scard(keys.waiters(order(1).id))) === 1);
  t.equal((await a.queue.look()).waiting, 1);
  staying.abort();
  await t.rejects(second, { name: 'AbortError' });
  await until(async () => (await a.queue.look()).waiting === 0);
  t.equal(await client.exists(order(1).job.image), 0, 'and the image');
});

t.test('the queue has a bound', { skip: noRedis }, async (t) => {
  const server = await startRedis(t, ...userOptions());
  // With the rights that the guide asks for, and no more.
  const user = { url: asUser(server.url) };
  const { queue, redis, guard } = await startQueue(t, user);
  const leave = new AbortController();
  const waiting = [1, 2].map((number) => queue.run(order(number, leave.signal)));
  await until(async () => (await queue.look()).waiting === 2);
  await t.rejects(queue.run(order(3)), { code: 'overloaded', retryAfter: 3 });
  const load = new FleetLoad(redis, guard, LIMITS);
  load.check();
  load.watch(queue);
  t.teardown(() => load.stop());
  await until(async () => load.load?.waiting === 2);
  t.throws(() => load.check(), { code: 'overloaded', retryAfter: 5 });
  leave.abort();
  await Promise.allSettled(waiting);
  await startWorker(t, user, () => made());
  await until(async () => load.load?.perSecond === 4);
  await until(async () => load.load?.waiting === 0);
  load.check();
});

t.test('what does not fit is said, and nothing is stuck', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const { queue } = await startQueue(t, server);
  const client = ask(t, server);
  // Less than it takes with nothing in it.
  await startWorker(t, server, async () => {
    await client.config('SET', 'maxmemory', '1');
    return made(1);
  });
  const full = { code: 'overloaded', message: /OOM/ };
  await t.rejects(queue.run(order(1)), full);
  await t.rejects(queue.run(order(1)), { name: 'NoAnswer', message: /OOM/ });
  await client.config('SET', 'maxmemory', '0');
  t.match(await queue.look(), { waiting: 0, active: 0 });
  await t.rejects(queue.run(order(2)), full, 'and it goes on');
});

t.test('a Redis that is gone is not waited for', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const { queue } = await startQueue(t, server);
  const waiting = queue.run(order(1));
  await until(async () => (await queue.look()).waiting === 1);
  await server.stop();
  await t.rejects(queue.run(order(2)), { name: 'NoAnswer' });
  await t.rejects(waiting, { name: 'NoAnswer' });
  await server.start();
  await startWorker(t, server, () => made(3));
  await until(async () => (await queue.look().catch(() => undefined)) !== undefined);
  t.match(await queue.run(order(3)), { first: true }, 'and found again');
});

t.test('one alone, others beside each other', async (t) => {
  const gate = new Gate();
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    log.push(`${name} ends`);
  };
  await Promise.all([
    gate.beside(work('a')),
    gate.beside(work('b')),
    gate.alone(work('c')),
    gate.beside(work('d')),
    gate.alone(work('e')),
  ]);
  t.same(log.slice(0, 2), ['a begins', 'b begins']);
  const rest = ['c begins', 'c ends', 'd begins', 'd ends', 'e begins', 'e ends'];
  t.same(log.slice(4), rest);
});
