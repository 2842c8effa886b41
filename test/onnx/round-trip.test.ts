import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import {
  type Attributes,
  DATA_TYPES,
  type DataType,
  type ModelProto,
  type TensorProto,
} from '#src/onnx/proto.js';
import { readModel } from '#src/onnx/read-model.js';
import { writeModel } from '#src/onnx/write-model.js';

const TYPES = Object.keys(DATA_TYPES) as DataType[];

/** A model that has at least one of everything. */
const EVERYTHING: ModelProto = {
  irVersion: 9,
  producer: 'a test',
  opsets: [
    { domain: '', version: 20 },
    { domain: 'com.microsoft', version: 1 },
  ],
  graph: {
    name: 'all of it, and ümlauts',
    nodes: [
      {
        name: 'scope.Op',
        op: 'Op',
        domain: 'com.microsoft',
        inputs: ['x', '', 'weight'],
        outputs: ['y', 'z'],
        attributes: {
          aFloat: { kind: 'float', value: 0.5 },
          anInt: { kind: 'int', value: -(2 ** 40) },
          aString: { kind: 'string', value: 'half_pixel' },
          someFloats: { kind: 'floats', value: [1.5, -2, 0] },
          someInts: { kind: 'ints', value: [0, -1, 2 ** 31] },
          none: { kind: 'ints', value: [] },
          aTensor: {
            kind: 'tensor',
            value: { name: '', type: 'int64', shape: [1], data: new Uint8Array(8).fill(1) },
          },
        },
      },
    ],
    initializers: TYPES.map((type, i) => ({
      name: `a ${type}`,
      type,
      shape: [2, 3],
      data: new Uint8Array(6 * DATA_TYPES[type].bytes).fill(i + 1),
    })),
    inputs: [{ name: 'x', type: 'float', shape: ['B', 3, 'N'] }],
    outputs: [
      { name: 'y', type: 'bool', shape: [] },
      { name: 'z', type: 'float16', shape: [1024] },
    ],
  },
};

t.test('a model with one of everything is read as it was written', async (t) => {
  t.strictSame(readModel(writeModel(EVERYTHING)), EVERYTHING);
});

t.test('what was read is written as it was', async (t) => {
  const file = writeModel(EVERYTHING);
  t.strictSame(writeModel(readModel(file)), file);
});

t.test('tensors are views into the file', async (t) => {
  const file = writeModel(EVERYTHING);
  for (const { name, data } of readModel(file).graph.initializers) {
    t.equal(data.buffer, file.buffer, name);
  }
});

const word = fc.string({ maxLength: 8 });
const dimension = fc.oneof(fc.nat(2 ** 32), fc.string({ minLength: 1, maxLength: 4 }));
const value = fc.record({
  name: word,
  type: fc.constantFrom(...TYPES),
  shape: fc.array(dimension, { maxLength: 4 }),
});
const tensor: fc.Arbitrary<TensorProto> = fc
  .record({
    name: word,
    type: fc.constantFrom(...TYPES),
    shape: fc.array(fc.nat(3), { maxLength: 3 }),
    byte: fc.nat(255),
  })
  .map(({ byte, ...rest }) => {
    const length = rest.shape.reduce((product, side) => product * side, 1);
    return { ...rest, data: new Uint8Array(length * DATA_TYPES[rest.type].bytes).fill(byte) };
  });
const float = fc.float({ noNaN: true }).map((x) => x + 0);
const int = fc.maxSafeInteger();
const attribute = fc.oneof(
  fc.record({ kind: fc.constant('float' as const), value: float }),
  fc.record({ kind: fc.constant('int' as const), value: int }),
  fc.record({ kind: fc.constant('string' as const), value: word }),
  fc.record({ kind: fc.constant('tensor' as const), value: tensor }),
  fc.record({ kind: fc.constant('floats' as const), value: fc.array(float, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('ints' as const), value: fc.array(int, { maxLength: 3 }) }),
);
const attributes: fc.Arbitrary<Attributes> = fc
  .array(fc.tuple(fc.stringMatching(/^[a-z]{1,6}$/), attribute), { maxLength: 4 })
  .map((entries) => Object.fromEntries(entries));
const node = fc.record({
  name: word,
  op: word,
  domain: word,
  inputs: fc.array(word, { maxLength: 3 }),
  outputs: fc.array(word, { maxLength: 3 }),
  attributes,
});
const model: fc.Arbitrary<ModelProto> = fc.record({
  irVersion: fc.nat(),
  producer: word,
  opsets: fc.array(fc.record({ domain: word, version: fc.nat() }), { minLength: 1, maxLength: 3 }),
  graph: fc.record({
    name: word,
    nodes: fc.array(node, { maxLength: 3 }),
    initializers: fc.array(tensor, { maxLength: 3 }),
    inputs: fc.array(value, { maxLength: 3 }),
    outputs: fc.array(value, { maxLength: 3 }),
  }),
});

t.test('any model is read as it was written', async () => {
  fc.assert(
    fc.property(model, (model) => {
      // The records of fast-check have no prototype.
      deepStrictEqual(readModel(writeModel(model)), structuredClone(model));
    }),
    { seed: 16, numRuns: 200 },
  );
});

t.test('a file that is cut short anywhere is refused', async (t) => {
  const file = writeModel(EVERYTHING);
  // The operator sets come last, each of a few bytes: without the second there is still a model.
  const whole = [file.length, file.length - 19];
  for (let length = 0; length < file.length; length++) {
    if (whole.includes(length)) continue;
    const message = new RegExp(`^not a readable ONNX model of ${length} bytes: `);
    t.throws(() => readModel(file.subarray(0, length)), { message }, `${length} bytes`);
  }
});
