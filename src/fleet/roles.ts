import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Connection } from './connection.js';

/** What a Redis does when it is full, where it says so: many that are rented out do not. */
async function policyOf(redis: Connection) {
  if (redis.status !== 'ready') await once(redis, 'ready');
  const settings = (await redis.config('GET', 'maxmemory*')) as string[];
  const at = (name: string) => settings[settings.indexOf(name) + 1];
  return { policy: at('maxmemory-policy'), limited: at('maxmemory') !== '0' };
}

/**
 * Says what is wrong with how Redis is set up: a queue must not lose keys where memory is short, and a cache is to lose
 * the oldest. Together in one they need the first.
 * @param one whether both are one Redis.
 */
export async function checkRoles(
  { shared, queue }: { shared: Connection; queue: Connection | undefined },
  one: boolean,
  logger: Logger,
): Promise<void> {
  await Promise.allSettled([
    queue && checkQueue(queue, one, logger),
    !(queue && one) && checkStore(shared, logger),
  ]);
}

async function checkQueue(queue: Connection, one: boolean, logger: Logger): Promise<void> {
  try {
    const { policy } = await policyOf(queue);
    if (policy === 'noeviction') return;
    const beside = one
      ? ': set it, with maxmemory large enough for embeddings too, or give the queue a Redis of its own (SAM_QUEUE_URL)'
      : '';
    logger.error(
      { policy },
      `the queue's Redis drops jobs when it is full: its maxmemory-policy has to be noeviction${beside}`,
    );
  } catch (error) {
    unknown('queue', error, logger);
  }
}

async function checkStore(shared: Connection, logger: Logger): Promise<void> {
  try {
    const { policy, limited } = await policyOf(shared);
    if (policy?.startsWith('allkeys-') && limited) return;
    const why = limited
      ? "the shared store's Redis refuses embeddings when it is full: its maxmemory-policy is to be allkeys-lru"
      : "the shared store's Redis has no maxmemory: it grows until embeddings have lived for SAM_REDIS_TTL_MS";
    logger.warn({ policy }, why);
  } catch (error) {
    unknown('shared store', error, logger);
  }
}

function unknown(which: string, error: unknown, logger: Logger): void {
  const reason = (error as Error).message;
  logger.info(
    { reason },
    `whether the Redis of the ${which} is set up right is not known: it does not say (CONFIG GET)`,
  );
}
