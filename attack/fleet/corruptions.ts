import { pino } from 'pino';
import { type Embedding, tensorOf } from '../../src/core/embedding.js';
import { connect, disconnect } from '../../src/fleet/connection.js';
import { Guard } from '../../src/fleet/guard.js';
import { keys } from '../../src/fleet/keys.js';
import { SharedStore } from '../../src/fleet/shared-store.js';
import { fileVersion } from '../../src/store/disk-format.js';
import { noise } from '../../test/fixtures/pictures.js';
import { check } from '../client.js';
import type { FlipFigures } from '../faults.js';
import { idOf, PICTURE } from '../images.js';

/** Flips bits of an embedding in Redis, cuts it, and puts others' values in its place: none may be served. */
export async function corruptions(url: string, rounds: number, seed = 1): Promise<FlipFigures> {
  const redis = connect(url, { name: 'attack', logger: pino({ level: 'silent' }) });
  if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
  const guard = new Guard({ timeoutMs: 10_000 });
  const announcer = { announce: async () => false };
  const options = { ttlMs: 600_000, onCorrupt: () => {}, onBytes: () => {} };
  const store = new SharedStore(redis, guard, announcer, options);
  const random = noise(seed);
  const bytes = new Uint8Array(new SharedArrayBuffer(2 * 256 * 8 * 8)).map(() => 256 * random());
  const embedding: Embedding = {
    id: idOf(PICTURE),
    model: 'mobile_sam',
    fingerprint: 'ab'.repeat(32),
    image: { width: 400, height: 300 },
    tensors: { image_embeddings: { dtype: 'float16', shape: [1, 256, 8, 8], bytes } },
  };
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
    let altered = round % 10 === 9 ? foreign : Buffer.from(good);
    if (round % 3 === 2) altered = altered.subarray(0, Math.floor(random() * good.length));
    for (let flipped = 0; round % 3 < 2 && flipped < 1 + (round % 7); flipped++) {
      const bit = Math.floor(random() * good.length * 8);
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
    }
    await redis.hset(keys.embedding(key), fileVersion(key), altered);
    const found = await store.get(key);
    if (!found) figures.refused++;
    // Two flips of one bit undo each other.
    else if (
      !Buffer.from(tensorOf(found.embedding, 'image_embeddings').bytes).equals(Buffer.from(bytes))
    )
      figures.wrong++;
  }
  disconnect(redis);
  check(figures.wrong === 0, `no altered embedding is served: ${figures.wrong} were`);
  return figures;
}
