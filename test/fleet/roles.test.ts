import { pino } from 'pino';
import t, { type Test } from 'tap';
import { connect, disconnect } from '#src/fleet/connection.js';
import { checkRoles } from '#src/fleet/roles.js';
import { noRedis, startRedis } from '../fixtures/redis.js';

/** What is said of two Redis, or of one. */
async function said(t: Test, urls: { shared: string; queue?: string }): Promise<string[]> {
  const lines: { level: number; msg: string }[] = [];
  const logger = pino(
    { level: 'trace' },
    { write: (line: string) => lines.push(JSON.parse(line)) },
  );
  const open = (url: string) => {
    const redis = connect(url, { name: 'test', logger: pino({ level: 'silent' }) });
    t.teardown(() => disconnect(redis));
    return redis;
  };
  const shared = open(urls.shared);
  const queue = urls.queue === undefined ? undefined : open(urls.queue);
  await checkRoles({ shared, queue }, urls.shared === urls.queue, logger);
  return lines.map(({ level, msg }) => `${pino.levels.labels[level]}: ${msg}`).sort();
}

t.test('what a Redis does when it is full is looked at', { skip: noRedis }, async (t) => {
  const queue = await startRedis(t);
  const cache = await startRedis(t, '--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
  const silent = ['--user', 'default', 'on', 'nopass', '~*', '&*', '+@all', '-config'];
  const rented = await startRedis(t, ...silent);
  t.same(await said(t, { shared: cache.url, queue: queue.url }), [], 'as it should be');
  t.same(await said(t, { shared: queue.url, queue: queue.url }), [], 'and with one for both');
  const drops = /^error: the queue's Redis drops jobs .* \(SAM_QUEUE_URL\)$/;
  t.match(await said(t, { shared: cache.url, queue: cache.url }), [drops]);
  t.match(await said(t, { shared: queue.url, queue: cache.url }), [
    /^error: the queue's Redis drops jobs .* to be noeviction$/,
    /^warn: the shared store's Redis has no maxmemory/,
  ]);
  t.same(await said(t, { shared: cache.url }), []);
  t.match(await said(t, { shared: queue.url }), [
    /^warn: the shared store's Redis has no maxmemory/,
  ]);
  const unknown = /^info: whether the Redis of the shared store is set up right is not known/;
  t.match(await said(t, { shared: rented.url }), [unknown]);
});
