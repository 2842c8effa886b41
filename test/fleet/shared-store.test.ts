import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { loadConfig } from '#src/config.js';
import { connect, disconnect, parseRedisUrl } from '#src/fleet/connection.js';
import { Deletions } from '#src/fleet/deletions.js';
import { Guard } from '#src/fleet/guard.js';
import { keys } from '#src/fleet/keys.js';
import { SharedLogits } from '#src/fleet/shared-logits.js';
import { SharedRate } from '#src/fleet/shared-rate.js';
import { SharedStore } from '#src/fleet/shared-store.js';
import { RateLimit } from '#src/http/hooks/rate-limit.js';
import { LogitsStore } from '#src/store/logits-store.js';
import { corruptions } from '../../attack/fleet/corruptions.js';
import { embeddingOf, keyOf } from '../fixtures/embeddings.js';
import {
  ask,
  asUser,
  noRedis,
  type RedisServer,
  startRedis,
  userOptions,
} from '../fixtures/redis.js';

const logger = pino({ level: 'silent' });
const embedding = embeddingOf(1);
const key = keyOf(embedding);

/** A process of several, as far as it shares something. */
function join(t: Test, { url }: Pick<RedisServer, 'url'>) {
  const redis = connect(url, { name: 'test', logger });
  const subscriber = connect(url, { name: 'test', logger });
  t.teardown(() => {
    disconnect(redis);
    disconnect(subscriber);
  });
  const guard = new Guard({ timeoutMs: 2000 });
  const deletions = new Deletions({ redis, subscriber }, guard, 5000, logger);
  const seen = { corrupt: 0 };
  const store = new SharedStore(redis, guard, deletions, {
    ttlMs: 60_000,
    onCorrupt: () => seen.corrupt++,
    onBytes: () => {},
  });
  const connected = async () => {
    while (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
  };
  return { redis, guard, deletions, store, seen, connected };
}

/** Makes an embedding as a process does. */
async function make(store: SharedStore, number = 1): Promise<void> {
  const each = embeddingOf(number);
  const deletions = await store.begin(keyOf(each));
  await store.set(keyOf(each), each);
  store.end(keyOf(each), deletions ?? '');
}

t.test('what one process keeps another finds', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const [a, b] = [join(t, server), join(t, server)];
  await Promise.all([a.connected(), b.connected()]);
  t.equal(await a.store.get(key), undefined);
  await make(a.store);
  const found = await b.store.get(key);
  t.equal(found?.tier, 'shared');
  t.same(found?.embedding, embedding);
  const client = ask(t, server);
  t.ok((await client.pttl(keys.embedding(key))) > 50_000, 'for a while');
  await client.pexpire(keys.embedding(key), 9000);
  await b.store.get(key);
  t.ok((await client.pttl(keys.embedding(key))) > 50_000, 'from its last use');
  t.equal(await b.store.hasOther({ ...key, fingerprint: 'cd'.repeat(32) }), true);
  t.equal(await b.store.hasOther(key), false);
  t.equal(await b.store.get({ ...key, owner: 'somebody' }), undefined);
  t.equal(await b.store.delete(key), true);
  t.equal(await a.store.get(key), undefined);
  t.equal(await a.store.delete(key), false);
});

t.test('a Redis that is full keeps what it has', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const [a, b] = [join(t, server), join(t, server)];
  await Promise.all([a.connected(), b.connected()]);
  await make(a.store);
  // Less than it takes with nothing in it.
  await ask(t, server).config('SET', 'maxmemory', '1');
  await make(a.store, 2);
  t.equal(await b.store.get(keyOf(embeddingOf(2))), undefined, 'no more comes to it');
  t.ok(await b.store.get(key), 'and what it has is served');
  const kept = a.store.keep(keyOf(embeddingOf(2)), embeddingOf(2), '0');
  await t.rejects(kept, { name: 'NoAnswer', message: /OOM/ });
  t.equal(await b.store.delete(key), true, 'and deleted');
});

t.test('what is deleted while it is made is not kept', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const [a, b] = [join(t, server), join(t, server)];
  await Promise.all([a.connected(), b.connected()]);
  const deletions = (await a.store.begin(key)) ?? '';
  await b.store.delete(key);
  await a.store.set(key, embedding);
  t.equal(await b.store.get(key), undefined);
  a.store.end(key, deletions);
  await make(a.store);
  t.ok(await b.store.get(key), 'and what is made afterwards is');
});

t.test('deletions are heard of, at once and by who was away', { skip: noRedis }, async (t) => {
  const server = await startRedis(t, ...userOptions());
  // With the rights that the guide asks for, and no more.
  const user = { url: asUser(server.url) };
  const [a, b] = [join(t, user), join(t, user)];
  const heard: string[] = [];
  b.deletions.start(async ({ id }) => heard.push(id) > 0);
  await Promise.all([a.connected(), b.connected()]);
  const client = ask(t, server);
  while ((await client.pubsub('NUMSUB', 'sam:deleted'))[1] !== 1) await client.ping();
  a.deletions.start(async () => false);
  while ((await client.pubsub('NUMSUB', 'sam:deleted'))[1] !== 2) await client.ping();
  t.equal(await a.store.delete(key), true, 'there was one elsewhere');
  t.same(heard, [key.id], 'before the answer');
  for (const foreign of ['none of ours', 'null', '{}']) {
    await client.publish('sam:deleted', foreign);
    await client.xadd('sam:deletions', '*', 'notice', foreign);
  }
  t.equal(await a.store.delete(key), true, 'what others say there ends nobody');
  t.same(heard, [key.id, key.id]);
  const late = join(t, user);
  const told = new Promise<string>((resolve) =>
    late.deletions.start(async ({ id }) => {
      resolve(id);
      return true;
    }),
  );
  t.equal(await told, key.id, 'who comes later reads it');
});

t.test('no altered value is served', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const figures = await corruptions(server.url, 200);
  t.match(figures, { altered: 200, wrong: 0 });
  t.ok(figures.refused > 190);
});

t.test('tokens travel, to their owners', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const [a, b] = [join(t, server), join(t, server)];
  await Promise.all([a.connected(), b.connected()]);
  const logits = embedding.tensors['image_embeddings'];
  if (!logits) return;
  const of = ({ redis, guard }: typeof a) =>
    new SharedLogits(new LogitsStore(2 ** 20, 60_000), redis, guard, 60_000);
  const token = await of(a).keep(logits, 'client', 'owner');
  t.same(await of(b).find(token, 'owner'), logits);
  t.equal(await of(b).find(token, 'other'), undefined);
  t.equal(await of(b).find(token), undefined);
  for (const name of await ask(t, server).keys('*'))
    t.notMatch(name, token, 'the token is not told');
});

t.test('requests are counted together', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const processes = [join(t, server), join(t, server)];
  await Promise.all(processes.map(({ connected }) => connected()));
  const [a, b] = processes.map(
    ({ redis, guard }) => new SharedRate('key', new RateLimit(3), redis, guard),
  );
  const waits = [];
  for (const rate of [a, b, a, b, a]) waits.push(await rate?.count('somebody'));
  t.same(waits.slice(0, 3), [undefined, undefined, undefined]);
  for (const wait of waits.slice(3)) t.ok(wait && wait > 50_000 && wait <= 60_000, `${wait}`);
  t.equal(await a?.count('another'), undefined);
});

t.test('a Redis that hangs is let alone', { skip: noRedis }, async (t) => {
  const server = await startRedis(t);
  const redis = connect(server.url, { name: 'test', logger });
  t.teardown(() => disconnect(redis));
  await new Promise((resolve) => redis.once('ready', resolve));
  const how: string[] = [];
  const guard = new Guard({ timeoutMs: 50, onAsked: (_, each) => how.push(each) });
  server.kill('SIGSTOP');
  for (let i = 0; i < 6; i++) t.equal(await guard.ask('get', () => redis.get('x')), undefined);
  t.same(how, ['timeout', 'timeout', 'timeout', 'skipped', 'skipped', 'skipped']);
  server.kill('SIGCONT');
  let answer: unknown;
  for (let i = 0; i < 100 && answer === undefined; i++) {
    answer = await guard.ask('get', () => redis.get('x'));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.equal(answer, null, 'and asked again');
});

t.test('URLs', async (t) => {
  t.match(parseRedisUrl('redis://localhost'), {
    kind: 'single',
    tls: false,
    hosts: [{ host: 'localhost', port: 6379 }],
  });
  t.match(parseRedisUrl('rediss://me:p%40ss@[::1]:80/3'), {
    tls: true,
    username: 'me',
    password: 'p@ss',
    hosts: [{ host: '::1', port: 80 }],
    path: ['3'],
  });
  t.match(parseRedisUrl('redis-sentinel://:secret@a:1,b/main/2'), {
    kind: 'sentinel',
    username: '',
    password: 'secret',
    hosts: [
      { host: 'a', port: 1 },
      { host: 'b', port: 26379 },
    ],
    path: ['main', '2'],
  });
  t.match(parseRedisUrl('redis://me:a:b@c'), { username: 'me', password: 'a:b' });
  t.match(parseRedisUrl('rediss-cluster://a:7000,b:7001'), {
    kind: 'cluster',
    tls: true,
    hosts: [
      { host: 'a', port: 7000 },
      { host: 'b', port: 7001 },
    ],
  });
});

t.test('what is wrong is said without a password', async (t) => {
  const wrong = ['http://me:secret@a', 'redis:me:secret@a', 'redis-sentinel://me:secret@a', 'x'];
  for (const SAM_REDIS_URL of wrong) {
    try {
      loadConfig({ SAM_REDIS_URL });
      t.fail(SAM_REDIS_URL);
    } catch (error) {
      t.match(error, { name: 'OperatorError', message: /^SAM_REDIS_URL: must / });
      t.notMatch((error as Error).message, /secret/);
    }
  }
  for (const name of ['SAM_ENCODE', 'SAM_QUEUE_URL']) {
    const value = name === 'SAM_ENCODE' ? 'queue' : 'redis://a';
    const message = new RegExp(`^${name}: needs SAM_REDIS_URL`);
    t.throws(() => loadConfig({ [name]: value }), { name: 'OperatorError', message });
  }
});

t.test('a password is never logged', { skip: noRedis }, async (t) => {
  const secret = randomUUID();
  const server = await startRedis(t, '--requirepass', 'another');
  const lines: string[] = [];
  const logged = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const url = server.url.replace('//', `//:${secret}@`);
  const redis = connect(url, { name: 'shared store', logger: logged });
  t.teardown(() => disconnect(redis));
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  t.match(lines.join(''), /WRONGPASS|NOAUTH|invalid/);
  t.notMatch(lines.join(''), secret);
});
