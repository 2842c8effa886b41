import t from 'tap';
import { elements, floatsOf, transposed } from '#src/onnx/float-tensor.js';

const FLOATS = Float32Array.of(1, -2.5, 3e9, 0);
const BYTES = new Uint8Array(FLOATS.buffer);

function tensor(data: Uint8Array) {
  return { name: 'w', type: 'float', shape: [2, 2], data } as const;
}

t.test('floats of an aligned tensor are a view', async (t) => {
  const { data, shape } = floatsOf(tensor(BYTES));
  t.strictSame([...data], [...FLOATS]);
  t.strictSame(shape, [2, 2]);
  t.equal(data.buffer, BYTES.buffer);
});

t.test('floats of a tensor at an odd place are a copy, in a Buffer as well', async (t) => {
  const moved = new Uint8Array(BYTES.length + 1);
  moved.set(BYTES, 1);
  for (const data of [moved.subarray(1), Buffer.from(moved.buffer, 1)]) {
    const floats = floatsOf(tensor(data));
    t.strictSame([...floats.data], [...FLOATS]);
    t.not(floats.data.buffer, data.buffer);
  }
});

t.test('another type is no floats', async (t) => {
  const half = { ...tensor(BYTES), type: 'float16' } as const;
  t.throws(() => floatsOf(half), { message: 'tensor "w" holds float16, not float' });
});

t.test('a transposed matrix has its rows as columns', async (t) => {
  const matrix = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const { shape, data } = transposed(matrix);
  t.strictSame(shape, [3, 2]);
  t.strictSame([...data], [1, 4, 2, 5, 3, 6]);
  t.strictSame(transposed(transposed(matrix)), matrix);
});

t.test('a scalar is one element, and an empty axis leaves none', async (t) => {
  t.equal(elements([]), 1);
  t.equal(elements([2, 3, 4]), 24);
  t.equal(elements([5, 0]), 0);
});
