import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isCheckpoint, openCheckpoint } from '#src/checkpoint/checkpoint.js';
import { writeSafetensors } from '#src/checkpoint/write-safetensors.js';

const tensor = (shape: number[], data: Float32Array) => ({ shape, read: () => data });

t.test('what is written is read again', async (t) => {
  const path = join(t.testdir({}), 'a.safetensors');
  const numbers = Float32Array.of(1, -2.5, Math.PI, 1e-30, 0, 7);
  // A view into something larger, as weights often are.
  const view = new Float32Array([9, ...numbers, 9]).subarray(1, 7);
  const tensors = { a: tensor([2, 3], view), 'b.weight': tensor([1], Float32Array.of(4)) };
  await writeSafetensors(path, new Map(Object.entries(tensors)), { source: 'a test' });
  t.ok(isCheckpoint(path));
  const { tensors: read, close } = openCheckpoint(path);
  t.strictSame([...read.keys()], ['a', 'b.weight']);
  t.strictSame(read.get('a')?.shape, [2, 3]);
  t.strictSame(read.get('a')?.read(), Float32Array.from(numbers));
  t.strictSame(read.get('b.weight')?.read(), Float32Array.of(4));
  close();
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE(0));
  t.equal(length % 8, 0);
  t.match(JSON.parse(file.toString('utf8', 8, 8 + length)), {
    __metadata__: { source: 'a test' },
    a: { dtype: 'F32', data_offsets: [0, 24] },
  });
});

t.test('a file that fails leaves nothing', async (t) => {
  const folder = t.testdir({});
  const broken = {
    shape: [1],
    read: () => {
      throw new Error('it is gone');
    },
  };
  const path = join(folder, 'a.safetensors');
  await t.rejects(writeSafetensors(path, new Map([['a', broken]])), { message: 'it is gone' });
  t.notOk(existsSync(path));
  t.strictSame(readdirSync(folder), []);
});
