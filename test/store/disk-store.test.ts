import { chmod, mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import type { Embedding } from '#src/core/embedding.js';
import type { Tensor } from '#src/core/tensors/tensor.js';
import { type DiskFault, DiskStore } from '#src/store/disk-store.js';
import { MemoryStore } from '#src/store/memory-store.js';
import { embeddingOf, keyOf } from '../fixtures/embeddings.js';
import { noise } from '../fixtures/pictures.js';

const LARGE = 2 ** 20;

async function open(directory: string, maxBytes = LARGE) {
  const faults: DiskFault[] = [];
  let evicted = 0;
  const onFault = (fault: DiskFault) => faults.push(fault);
  const store = new DiskStore({ directory, maxBytes, onFault, onEvict: () => evicted++ });
  await store.open();
  const put = async (embedding: Embedding) => {
    await store.set(keyOf(embedding), embedding);
    await store.close();
  };
  return { store, faults, put, evicted: () => evicted };
}

async function filesOf(directory: string): Promise<string[]> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  return files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
}

t.test('what was kept is there after a restart', async (t) => {
  const directory = t.testdir();
  const embedding = embeddingOf(1);
  await (await open(directory)).put(embedding);
  const { store, faults } = await open(directory);
  t.same(store.usage.entries, 1);
  const found = await store.get(keyOf(embedding));
  t.same(found, { embedding, tier: 'disk' });
  t.ok(found?.embedding.tensors['image_embeddings']?.bytes.buffer instanceof SharedArrayBuffer);
  t.equal(await store.delete(keyOf(embedding)), true);
  t.equal(await store.delete(keyOf(embedding)), false);
  t.equal(await store.get(keyOf(embedding)), undefined);
  t.same(faults, []);
  t.same(await filesOf(directory), []);
});

t.test('another precision of the same image is another entry', async (t) => {
  const { store, put } = await open(t.testdir());
  const embedding = embeddingOf(1);
  await put(embedding);
  const other = keyOf(embeddingOf(1, 'cd'.repeat(32)));
  t.equal(await store.get(other), undefined);
  t.equal(await store.hasOther(other), true);
  t.equal(await store.hasOther(keyOf(embedding)), false);
  t.equal(await store.hasOther(keyOf(embeddingOf(2))), false);
});

t.test('what is found by text stands beside the embedding under the same id', async (t) => {
  const directory = t.testdir();
  const { store, put } = await open(directory);
  const embedding = embeddingOf(1);
  const { image_embeddings: tensor } = embedding.tensors as { image_embeddings: Tensor };
  const features: Embedding = {
    ...embedding,
    part: 'text',
    tensors: {
      class_embeds: tensor,
      proposals: { dtype: 'float32', shape: [2, 3], bytes: new Uint8Array(24).fill(7) },
    },
  };
  await put(features);
  t.equal(await store.get(keyOf(embedding)), undefined, 'it is no embedding');
  t.equal(await store.hasOther(keyOf(embedding)), false, 'nor one of another precision');
  await put(embedding);
  const again = (await open(directory)).store;
  const found = await again.get(keyOf(features));
  t.same(found, { embedding: features, tier: 'disk' });
  t.same(Object.keys(found?.embedding.tensors ?? {}), ['class_embeds', 'proposals']);
  t.same((await again.get(keyOf(embedding)))?.embedding, embedding);
  t.equal(await again.delete(keyOf(embedding)), true);
  t.not(await again.get(keyOf(features)), undefined);

  const memory = new MemoryStore(LARGE);
  await memory.set(keyOf(features), features);
  t.equal(memory.usage.bytes, 2 * 4 * 8 * 8 + 24 + 512);
  t.equal(await memory.get(keyOf(embedding)), undefined);
  t.equal(await memory.hasOther(keyOf(embedding)), false);
  t.same((await memory.get(keyOf(features)))?.embedding, features);
});

t.test('no altered file is ever believed, and none is left', async (t) => {
  const directory = t.testdir();
  const { store, faults, put } = await open(directory);
  const embedding = embeddingOf(1);
  await put(embedding);
  const [path] = (await filesOf(directory)) as [string];
  const good = await readFile(path);
  const random = noise(11);
  const damaged: [name: string, file: Buffer][] = [
    ['empty', Buffer.alloc(0)],
    ['longer', Buffer.concat([good, Buffer.from('x')])],
    ['zeros', Buffer.alloc(good.length)],
  ];
  for (let i = 0; i < 300; i++) {
    const file = Buffer.from(good);
    const bit = Math.floor(random() * file.length * 8);
    file.writeUInt8(file.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    damaged.push([`bit ${bit}`, file]);
    const length = Math.floor(random() * good.length);
    damaged.push([`cut to ${length}`, good.subarray(0, length)]);
  }
  for (const [name, file] of damaged) {
    await writeFile(path, file);
    t.equal(await store.get(keyOf(embedding)), undefined, name);
    t.same(await filesOf(directory), [], name);
  }
  t.same(new Set(faults), new Set(['corrupt']));
  t.equal(faults.length, damaged.length);
  await writeFile(path, good);
  t.same((await store.get(keyOf(embedding)))?.embedding, embedding);
});

t.test("another's file under this name is not believed", async (t) => {
  const directory = t.testdir();
  const { store, put } = await open(directory);
  const [mine, other] = [embeddingOf(1), embeddingOf(2)];
  await put(other);
  const [wrong] = (await filesOf(directory)) as [string];
  await put(mine);
  const right = (await filesOf(directory)).find((path) => path !== wrong) as string;
  await rename(wrong, right);
  t.equal(await store.get(keyOf(mine)), undefined);
});

t.test('a folder in the place of a file, and half a write left behind', async (t) => {
  const directory = t.testdir();
  const { store, put } = await open(directory);
  const embedding = embeddingOf(1);
  await put(embedding);
  const [path] = (await filesOf(directory)) as [string];
  const [old, fresh] = [`${path}.old.tmp`, `${path}.fresh.tmp`];
  await writeFile(old, 'half');
  await writeFile(fresh, 'another process writes it now');
  await utimes(old, 1, 1);
  await open(directory);
  t.same((await filesOf(directory)).sort(), [path, fresh].sort());
  await store.delete(keyOf(embedding));
  await mkdir(path);
  t.equal(await store.get(keyOf(embedding)), undefined);
  await put(embedding);
  t.same((await store.get(keyOf(embedding)))?.embedding, embedding, 'it can be kept again');
});

t.test('the least recently used goes first, whichever process wrote it', async (t) => {
  const directory = t.testdir();
  const [first] = [embeddingOf(0)];
  const measure = await open(directory);
  await measure.put(first);
  const size = measure.store.usage.bytes;
  const bound = Math.round(10.5 * size);
  const [a, b] = [await open(directory, bound), await open(directory, bound)];
  for (let i = 1; i < 40; i++) {
    await (i % 2 ? a : b).put(embeddingOf(i));
    const [oldest] = await filesOf(directory);
    // Files written within a tick of the clock have no order; used ones are put far ahead.
    if (oldest) t.ok((await filesOf(directory)).length <= 10, 'within the bound');
    const found = await a.store.get(keyOf(first));
    t.same(found?.embedding, first, 'in use, so it stays');
    const used = (await filesOf(directory)).find((path) => path.includes(first.id.slice(11)));
    await utimes(used as string, Date.now() / 1000 + 60, Date.now() / 1000 + 60);
  }
  t.ok(a.evicted() + b.evicted() >= 29);
  t.same([...a.faults, ...b.faults], []);
});

t.test('many processes on one folder never see half a file', async (t) => {
  const directory = t.testdir();
  const stores = await Promise.all(Array.from({ length: 4 }, () => open(directory)));
  const embeddings = Array.from({ length: 8 }, (_, i) => embeddingOf(i));
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      stores.flatMap(({ store, put }, s) => [
        put(embeddings[(round + s) % 8] as Embedding),
        ...embeddings.map(async (embedding) => {
          const found = await store.get(keyOf(embedding));
          if (found) t.same(found.embedding.tensors, embedding.tensors);
        }),
        store.delete(keyOf(embeddings[(round + 3 * s) % 8] as Embedding)),
      ]),
    );
  }
  t.same(
    stores.flatMap(({ faults }) => faults),
    [],
  );
  t.notOk((await filesOf(directory)).some((path) => path.endsWith('.tmp')));
});

async function unwritable(t: Test): Promise<string> {
  // A file where the folder should be: no user, not even root, can write below it.
  const file = join(t.testdir({ file: 'no folder' }), 'file');
  await chmod(dirname(file), 0o500);
  return join(file, 'cache');
}

t.test('a disk that cannot be written is done without', async (t) => {
  const { store, faults, put } = await open(await unwritable(t));
  t.same(faults, ['write']);
  const embedding = embeddingOf(1);
  await put(embedding);
  await put(embedding);
  t.same(faults.slice(1), ['write', 'skipped'], 'and left alone for a while');
  t.equal(await store.get(keyOf(embedding)), undefined);
  t.equal(await store.delete(keyOf(embedding)), false);
  t.equal(await store.hasOther(keyOf(embedding)), false);
});
