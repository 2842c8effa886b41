import t, { type Test } from 'tap';
import type { EmbeddingStore } from '#src/core/ports.js';
import { DiskStore } from '#src/store/disk-store.js';
import { MemoryStore } from '#src/store/memory-store.js';
import { TieredStore } from '#src/store/tiered-store.js';
import { embeddingOf, keyOf } from '../fixtures/embeddings.js';
import { whileReadOnly } from '../fixtures/read-only.js';

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

t.test('nobody joins a read of what has been deleted since', async (t) => {
  const { memory, disk } = build(t);
  await disk.set(key, embedding);
  let arrived: () => void = () => {};
  const read = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  // A disk that has read the file, and takes its time to say so.
  const slow: EmbeddingStore = {
    get: async (key) => {
      const found = await disk.get(key);
      arrived();
      if (found) await released;
      return found;
    },
    set: (key, embedding) => disk.set(key, embedding),
    delete: (key) => disk.delete(key),
    hasOther: (key) => disk.hasOther(key),
  };
  const store = new TieredStore(memory, slow);
  const before = store.get(key);
  await read;
  t.equal(await store.delete(key), true);
  const after = store.get(key);
  release();
  t.equal(await after, undefined);
  t.ok(await before, 'who asked before may have it');
  t.equal(await store.get(key), undefined, 'and it is not kept');
});

t.test('what stays on disk is gone from memory', async (t) => {
  const directory = t.testdir();
  const memory = new MemoryStore(2 ** 20);
  const disk = new DiskStore({ directory, maxBytes: 2 ** 20 });
  const store = new TieredStore(memory, disk);
  await store.set(key, embedding);
  await disk.close();
  await whileReadOnly(directory, async () => {
    await t.rejects(store.delete(key), { code: 'not-deleted' });
    t.equal(await memory.get(key), undefined);
    t.equal(await store.get(key), undefined);
  });
});

t.test('owners have nothing in common', async (t) => {
  const { disk, memory, store } = build(t);
  for (const owner of ['a', 'b']) await store.set({ ...key, owner }, { ...embedding, owner });
  await disk.close();
  const other = { ...key, fingerprint: 'cd'.repeat(32) };
  t.equal(await store.get(key), undefined);
  t.equal(await store.hasOther(other), false);
  t.equal(await store.hasOther({ ...other, owner: 'c' }), false);
  t.equal(await store.hasOther({ ...other, owner: 'a' }), true);
  t.equal(await store.delete({ ...key, owner: 'c' }), false);
  t.equal(await store.delete({ ...key, owner: 'a' }), true);
  t.equal(await store.get({ ...key, owner: 'a' }), undefined);
  t.equal((await store.get({ ...key, owner: 'b' }))?.embedding.owner, 'b');
  await memory.delete({ ...key, owner: 'b' });
  t.match(await store.get({ ...key, owner: 'b' }), { tier: 'disk', embedding: { owner: 'b' } });
});
