import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { MAX_FILE_BYTES } from '#src/store/disk-format.js';
import { type DiskFault, DiskStore } from '#src/store/disk-store.js';
import { embeddingOf, keyOf } from '../fixtures/embeddings.js';
import { whileReadOnly } from '../fixtures/read-only.js';

const embedding = embeddingOf(1);
const key = keyOf(embedding);

async function open(directory: string, maxBytes = 2 ** 40) {
  const faults: DiskFault[] = [];
  const store = new DiskStore({ directory, maxBytes, onFault: (fault) => faults.push(fault) });
  await store.open();
  const put = async (own = embedding) => {
    await store.set(keyOf(own), own);
    await store.close();
  };
  return { store, faults, put };
}

/** Modes of all that is there, the folder itself as `.`. */
async function modesOf(directory: string): Promise<Record<string, string>> {
  const names = ['.', ...(await readdir(directory, { recursive: true }))];
  const modes = names.map(async (name) => {
    const found = await lstat(join(directory, name));
    return [name === '.' ? name : found.isFile() ? 'file' : 'folder', found.mode & 0o7777];
  });
  const found = await Promise.all(modes);
  return Object.fromEntries(found.map(([name, mode]) => [name, Number(mode).toString(8)]));
}

async function pathOf(directory: string): Promise<string> {
  const names = await readdir(directory, { recursive: true });
  return join(directory, names.find((name) => name.endsWith('.embedding')) as string);
}

const PRIVATE = { '.': '700', folder: '700', file: '600' };

t.test('files and folders are for their user alone, whatever the umask', async (t) => {
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  const directory = join(t.testdir(), 'cache');
  const { put, faults } = await open(directory);
  await put();
  t.same(await modesOf(directory), PRIVATE);
  t.same(faults, []);
});

t.test('what was open to others is closed at the start', async (t) => {
  const directory = join(t.testdir(), 'cache');
  await (await open(directory)).put();
  const path = await pathOf(directory);
  await chmod(path, 0o644);
  await chmod(dirname(path), 0o755);
  await chmod(directory, 0o775);
  const { store, faults } = await open(directory);
  t.same(await modesOf(directory), PRIVATE);
  t.same((await store.get(key))?.embedding, embedding);
  t.same(faults, []);
});

t.test('a folder with other things in it, or for everybody, is left to them', async (t) => {
  const directory = join(t.testdir(), 'home');
  await mkdir(join(directory, 'documents'), { recursive: true, mode: 0o755 });
  await chmod(directory, 0o755);
  const first = await open(directory);
  await first.put();
  t.equal((await lstat(directory)).mode & 0o777, 0o755);
  t.equal((await lstat(join(directory, 'documents'))).mode & 0o777, 0o755);
  t.equal((await lstat(dirname(await pathOf(directory)))).mode & 0o777, 0o700, 'ours is closed');
  t.same(first.faults, []);
  await chmod(directory, 0o777);
  t.same((await open(directory)).faults, ['exposed'], 'others could put embeddings there');
  await rm(join(directory, 'documents'), { recursive: true });
  await chmod(directory, 0o1777);
  t.same((await open(directory)).faults, ['exposed']);
  t.equal((await lstat(directory)).mode & 0o7777, 0o1777);
});

t.test('links are not followed', async (t) => {
  const root = t.testdir({ cache: {}, elsewhere: {} });
  const [directory, elsewhere] = [join(root, 'cache'), join(root, 'elsewhere')];
  const { store, put, faults } = await open(directory);
  await put();
  const path = await pathOf(directory);
  const outside = join(elsewhere, 'good.embedding');

  t.test('in the place of a file', async (t) => {
    await rename(path, outside);
    await symlink(outside, path);
    t.equal(await store.get(key), undefined, 'though it leads to a good one');
    t.same(faults.splice(0), ['corrupt']);
    t.ok(await readFile(outside), 'what it led to is still there');
    t.rejects(readlink(path), { code: 'ENOENT' });
  });

  t.test('in the place of a folder', async (t) => {
    const folder = dirname(path);
    const put = async () => {
      await rm(folder, { recursive: true, force: true });
      await symlink(elsewhere, folder);
    };
    await rename(outside, join(elsewhere, path.slice(folder.length + 1)));
    await chmod(elsewhere, 0o755);
    const names = await readdir(elsewhere);
    const same = async (what: string) => {
      t.same(await readdir(elsewhere), names, what);
      t.equal((await lstat(elsewhere)).mode & 0o777, 0o755, what);
    };
    await put();
    t.equal(await store.hasOther({ ...key, fingerprint: 'cd'.repeat(32) }), false);
    t.equal(await store.get(key), undefined);
    await same('reading');
    await put();
    t.equal(await store.delete(key), false);
    await same('deleting');
    await put();
    await store.set(key, embedding);
    await store.close();
    t.same((await store.get(key))?.embedding, embedding);
    t.ok((await lstat(folder)).isDirectory());
    await same('writing');
    await put();
    await open(directory, 1);
    await same('sweeping');
  });
});

t.test('what no embedding can be is not read', { timeout: 20_000 }, async (t) => {
  const directory = join(t.testdir(), 'cache');
  const { store, put, faults } = await open(directory);
  await put();
  const path = await pathOf(directory);
  const before = process.memoryUsage().rss;
  await truncate(path, MAX_FILE_BYTES + 1);
  t.equal(await store.get(key), undefined);
  await writeFile(path, '');
  await truncate(path, 2 ** 32);
  t.equal(await store.get(key), undefined);
  t.ok(process.memoryUsage().rss - before < 32 * 2 ** 20, 'nothing of their size was held');
  for (let i = 0; i < 8; i++) {
    // Each would take one of the four threads that read files for as long as nobody writes to it.
    execFileSync('mkfifo', [path]);
    t.equal(await store.get(key), undefined, 'a pipe');
  }
  t.same(new Set(faults), new Set(['corrupt']));
  await put();
  t.same((await store.get(key))?.embedding, embedding);
});

t.test("an owner's files say nothing of the image, and are nobody else's", async (t) => {
  const directory = join(t.testdir(), 'cache');
  const { store, put, faults } = await open(directory);
  const [mine, theirs] = ['a', 'b'].map((owner) => ({ ...embedding, owner }));
  await put(mine);
  await put(theirs);
  const names = (await readdir(directory, { recursive: true })).filter((name) =>
    name.includes('/'),
  );
  t.equal(names.length, 2);
  const hash = embedding.id.slice(-64);
  for (const name of names) {
    const file = await readFile(join(directory, name));
    t.notOk(name.includes(hash.slice(0, 8)) || file.includes(hash.slice(0, 8)));
  }
  const kept = (owner?: string) => ({ ...key, ...(owner && { owner }) });
  t.same((await store.get(kept('a')))?.embedding, mine);
  t.equal(await store.get(kept()), undefined);
  t.equal(await store.get(kept('c')), undefined);
  t.equal(await store.hasOther({ ...kept('c'), fingerprint: 'cd'.repeat(32) }), false);
  t.equal(await store.hasOther({ ...kept(), fingerprint: 'cd'.repeat(32) }), false);
  t.equal(await store.hasOther({ ...kept('a'), fingerprint: 'cd'.repeat(32) }), true);
  await t.test('not even under the salted hash', async (t) => {
    for (const name of names) {
      const id = `mobile_sam:${name.slice(3, 67)}`;
      t.equal(await store.get({ ...key, id }), undefined);
      t.equal(await store.hasOther({ id, fingerprint: 'cd'.repeat(32) }), false);
      t.equal(await store.delete({ ...key, id }), false);
    }
  });
  t.equal(await store.delete(kept('a')), true);
  t.same((await store.get(kept('b')))?.embedding, theirs);
  t.same(faults, []);
  t.notOk(names.some((name) => name.includes(createHash('sha256').update('1').digest('hex'))));
});

t.test('what cannot be deleted is said so, and does not come back', async (t) => {
  const directory = join(t.testdir(), 'cache');
  const { store, put, faults } = await open(directory);
  await put();
  await whileReadOnly(directory, async () => {
    t.same((await store.get(key))?.embedding, embedding, 'it can be read');
    t.equal(await store.delete(keyOf(embeddingOf(2))), false, 'what is not there is not there');
    await t.rejects(store.delete(key), { name: 'SamError', code: 'not-deleted' });
    t.same(faults, ['delete']);
    t.equal(await store.get(key), undefined);
    t.equal(await store.hasOther({ ...key, fingerprint: 'cd'.repeat(32) }), false);
    await t.rejects(store.delete(key), { code: 'not-deleted' }, 'nor when it is tried again');
    t.ok(
      (await (await open(directory)).store.get(key))?.embedding,
      'a restart finds it: as is said',
    );
  });
  t.equal(await store.get(key), undefined);
  t.equal(await store.delete(key), true);
  t.equal(await store.delete(key), false);
  await put();
  t.same((await store.get(key))?.embedding, embedding, 'what is made anew is kept');
});

t.test('a delete during the write', async (t) => {
  const directory = join(t.testdir(), 'cache');
  const { store } = await open(directory);
  await store.set(key, embedding);
  t.equal(await store.delete(key), true);
  await store.close();
  t.equal(await store.get(key), undefined);
  t.same((await readdir(directory, { recursive: true })).length, 1, 'the folder by two digits');
});
