import t from 'tap';
import { MemoryGuard } from '#src/service/memory/memory-guard.js';
import { MemoryStore } from '#src/store/memory-store.js';
import { embeddingOf, keyOf } from '../../fixtures/embeddings.js';

const SHORT = { code: 'overloaded', message: /memory/, retryAfter: 5 };

t.test('short memory takes no more images, and others again when there is enough', async (t) => {
  let bytes = 199;
  let time = 0;
  let asked = 0;
  const resident = () => {
    asked++;
    return bytes;
  };
  const guard = new MemoryGuard(200, () => {}, { resident, now: () => time });
  for (let i = 0; i < 1000; i++) guard.check();
  t.equal(asked, 1, 'not asked every time');
  bytes = 200;
  time += 101;
  t.throws(() => guard.check(), SHORT);
  bytes = 199;
  time += 101;
  guard.check();
  new MemoryGuard(0, () => t.fail('unlimited'), {
    resident: () => Number.POSITIVE_INFINITY,
  }).check();
});

t.test('near the limit memory is let go, and nobody refused', async (t) => {
  let [bytes, time] = [179, 0];
  const excesses: number[] = [];
  const relieve = (excess: number) => void excesses.push(excess);
  const options = { resident: () => bytes, now: () => time };
  const guard = new MemoryGuard(200, relieve, options);
  guard.check();
  t.same(excesses, []);
  bytes = 190;
  time += 101;
  guard.check();
  guard.check();
  t.same(excesses, [10]);
});

t.test('what fills the memory is let go, or refusing would never end', async (t) => {
  const store = new MemoryStore(1000 * 1024);
  // Each weighs 1 KiB there.
  const embeddings = Array.from({ length: 100 }, (_, i) => embeddingOf(i));
  for (const embedding of embeddings) await store.set(keyOf(embedding), embedding);
  let time = 0;
  const excesses: number[] = [];
  const options = { resident: () => 50 * 1024 + store.usage.bytes, now: () => time };
  const relieve = (excess: number) => {
    excesses.push(excess);
    store.shrink(0.25);
  };
  const guard = new MemoryGuard(120 * 1024, relieve, options);
  t.throws(() => guard.check(), SHORT);
  t.throws(() => guard.check(), SHORT);
  t.same(excesses, [42 * 1024], 'once, not with every request');
  t.equal(store.usage.entries, 75);
  time += 9000;
  t.throws(() => guard.check(), SHORT, 'what was let go takes its time to leave');
  t.equal(store.usage.entries, 75);
  time += 1001;
  t.throws(() => guard.check(), SHORT);
  time += 101;
  guard.check();
  const kept = await Promise.all(embeddings.map((embedding) => store.get(keyOf(embedding))));
  t.same(
    kept.map(Boolean),
    embeddings.map((_, i) => i >= 44),
    'the oldest went',
  );
});
