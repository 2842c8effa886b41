import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCheckpoint, type StateDict } from '#src/checkpoint/checkpoint.js';

const PI = Float32Array.of(3.140625, -2, 0.5, 8);
const WEIGHT = { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] };

function save(t: Test, header: unknown, data: Uint8Array = new Uint8Array(PI.buffer)): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const folder = t.testdir({ 'model.safetensors': Buffer.concat([length, json, data]) });
  return join(folder, 'model.safetensors');
}

function tensorsOf(path: string): StateDict {
  const checkpoint = openCheckpoint(path);
  checkpoint.close();
  return checkpoint.tensors;
}

t.test('tensors, with their numbers', async (t) => {
  const checkpoint = openCheckpoint(
    save(t, {
      __metadata__: { format: 'pt' },
      a: WEIGHT,
      empty: { dtype: 'F32', shape: [0], data_offsets: [16, 16] },
      count: { dtype: 'I64', shape: [0], data_offsets: [16, 16] },
    }),
  );
  t.same([...checkpoint.tensors.keys()].sort(), ['a', 'empty']);
  t.same(checkpoint.tensors.get('a')?.shape, [2, 2]);
  t.same([...(checkpoint.tensors.get('a')?.read() ?? [])], [...PI]);
  checkpoint.close();
});

t.test('headers that lie', async (t) => {
  const cases: [unknown, RegExp][] = [
    [{ a: { ...WEIGHT, data_offsets: [0, 12] } }, /"a" has 12 bytes, F32 \[2,2\] needs 16/],
    [{ a: { ...WEIGHT, data_offsets: [4, 20] } }, /"a" is at bytes 4 to 20, not at 0/],
    [{ a: { ...WEIGHT, shape: [2, 3], data_offsets: [0, 24] } }, /"a" ends beyond/],
    [{ a: { ...WEIGHT, shape: [1e9, 1e9], data_offsets: [0, 4e18] } }, /not described/],
    [{ a: WEIGHT, b: WEIGHT }, /"b" is at bytes 0 to 16, not at 16/],
    [{ a: { ...WEIGHT, shape: [2, 1], data_offsets: [0, 8] } }, /end at byte \d+ of \d+/],
    [{ a: { ...WEIGHT, data_offsets: [16, 0] } }, /"a" is at bytes 16 to 0/],
    [{ a: { ...WEIGHT, shape: [-2, -2] } }, /"a" is not described/],
    [{ a: { ...WEIGHT, shape: 'big' } }, /"a" is not described/],
    [{ a: null }, /"a" is not described/],
    [{ a: { ...WEIGHT, dtype: 'I32', shape: [400] } }, /"a" is at|needs|ends|end at|holds/],
    ['{"a":', /header is not JSON/],
  ];
  for (const [header, message] of cases) {
    const path = save(t, header);
    if (/I32/.test(JSON.stringify(header))) t.same([...tensorsOf(path)], [], 'not a weight');
    else t.throws(() => tensorsOf(path), { name: 'OperatorError', message }, String(message));
  }
});

t.test('a header longer than the file', async (t) => {
  const folder = t.testdir({
    'm.safetensors': Buffer.from('\xff\xff\xff\0\0\0\0\0{"a":1}   ', 'latin1'),
  });
  t.throws(() => tensorsOf(join(folder, 'm.safetensors')), { message: /are outside of its 18/ });
  const huge = t.testdir({
    'm.safetensors': Buffer.from('\0\0\0\0\0\0\x01\0{"a":1}   ', 'latin1'),
  });
  t.throws(() => tensorsOf(join(huge, 'm.safetensors')), { message: /is too large/ });
});

t.test('headers that would take all memory', async (t) => {
  const cases: [string, RegExp][] = [
    [`{"a":${'['.repeat(3_000_000)}`, /nested too deep/],
    [`{"a":"${'x'.repeat(5_000_000)}"}`, /its header of 5000008 bytes is too large/],
    [
      `{"a":{"dtype":"F32","shape":[${'1,'.repeat(500_000)}1],"data_offsets":[0,16]}}`,
      /not described/,
    ],
    [`{"a":{"dtype":"F32","shape":[${Array(8).fill(9e15)}],"data_offsets":[0,16]}}`, /needs \d/],
    [`{"${'x'.repeat(1_000_000)}":1}`, /not a checkpoint/],
    [`{"\\u001b[2J":1}`, /its tensor "\?\[2J" is not/],
    ['[]', /not described|no object|end at/],
    ['{"a\\"[[[[[[[[":1}', /is not described/],
  ];
  for (const [header, message] of cases) {
    const path = save(t, header.startsWith('[') ? `{"a":${header}}` : header);
    const start = performance.now();
    try {
      tensorsOf(path);
      t.fail(String(message));
    } catch (error) {
      t.match(error, { name: 'OperatorError', message });
      t.ok((error as Error).message.length < 1000, 'in few words');
    }
    t.ok(performance.now() - start < 2000, 'at once');
  }
});
