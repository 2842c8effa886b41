import { pino } from 'pino';
import { connect, disconnect } from '../../src/fleet/connection.js';
import { Guard } from '../../src/fleet/guard.js';
import { keys } from '../../src/fleet/keys.js';
import { SharedStore } from '../../src/fleet/shared-store.js';
import { fileVersion } from '../../src/store/disk-format.js';
import { noise } from '../../test/fixtures/pictures.js';
import { altered, drawnEmbedding, type FlipFigures, note } from '../alterations.js';
import { check } from '../client.js';
import { idOf } from '../images.js';

/** Flips bits of an embedding in Redis, cuts it, and puts others' values in its place: none may be served. */
export async function corruptions(url: string, rounds: number, seed = 1): Promise<FlipFigures> {
  const redis = connect(url, { name: 'attack', logger: pino({ level: 'silent' }) });
  if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
  const guard = new Guard({ timeoutMs: 10_000 });
  const announcer = { announce: async () => false };
  const options = { ttlMs: 600_000, onCorrupt: () => {}, onBytes: () => {} };
  const store = new SharedStore(redis, guard, announcer, options);
  const random = noise(seed);
  const embedding = drawnEmbedding(random);
  const { id, fingerprint } = embedding;
  const key = { id, fingerprint };
  const other = { id: idOf(Buffer.from('another')), fingerprint };
  const storedAs = async (each: typeof key): Promise<Buffer> => {
    await store.keep(each, { ...embedding, ...each }, '0');
    const value = await redis.hgetBuffer(keys.embedding(each), fileVersion(each));
    return value ?? Buffer.alloc(0);
  };
  const [good, foreign] = [await storedAs(key), await storedAs(other)];
  const figures = { altered: rounds, refused: 0, wrong: 0 };
  for (let round = 0; round < rounds; round++) {
    const value = round % 10 === 9 ? foreign : altered(good, round, random);
    await redis.hset(keys.embedding(key), fileVersion(key), value);
    note(figures, await store.get(key), embedding);
  }
  disconnect(redis);
  check(figures.wrong === 0, `no altered embedding is served: ${figures.wrong} were`);
  return figures;
}
