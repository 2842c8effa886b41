import t, { type Test } from 'tap';
import { DiskStore } from '#src/store/disk-store.js';
import { MemoryStore } from '#src/store/memory-store.js';
import { TieredStore } from '#src/store/tiered-store.js';
import { embeddingOf, keyOf } from '../fixtures/embeddings.js';

const embedding = embeddingOf(1);
const key = keyOf(embedding);

function build(t: Test) {
  const memory = new MemoryStore(2 ** 20);
  const disk = new DiskStore({ directory: t.testdir(), maxBytes: 2 ** 20 });
  return { memory, disk, store: new TieredStore(memory, disk) };
}

t.test('what is found on disk is brought up, and says where it was', async (t) => {
  const { memory, disk, store } = build(t);
  await store.set(key, embedding);
  await disk.close();
  t.equal((await store.get(key))?.tier, 'memory');
  await memory.delete(key);
  const found = await Promise.all([store.get(key), store.get(key), store.get(key)]);
  t.same(
    found.map((each) => each?.tier),
    ['disk', 'disk', 'disk'],
  );
  t.equal(new Set(found.map((each) => each?.embedding)).size, 1, 'read once');
  t.equal((await store.get(key))?.tier, 'memory');
});

t.test('what is deleted is deleted everywhere, even while it is read', async (t) => {
  const { memory, disk, store } = build(t);
  await store.set(key, embedding);
  t.equal(await store.delete(key), true);
  t.equal(await store.get(key), undefined);
  t.equal(await store.delete(key), false);

  await store.set(key, embedding);
  await disk.close();
  await memory.delete(key);
  const reading = store.get(key);
  await store.delete(key);
  await reading;
  t.equal(await store.get(key), undefined);
});
