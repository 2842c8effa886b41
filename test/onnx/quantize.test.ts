import t, { type Test } from 'tap';
import type { FloatTensor } from '#src/onnx/float-tensor.js';
import { Graph } from '#src/onnx/graph.js';
import type { Value } from '#src/onnx/graph-scope.js';
import { quantize } from '#src/onnx/precision/quantize.js';
import type { AttributeValue, ModelProto } from '#src/onnx/proto.js';
import { maxDifference, random } from '../sam/fixtures/decoders.js';
import { run } from './fixtures/run.js';

function weight(shape: readonly number[], seed = 1): FloatTensor {
  const next = random(seed);
  const length = shape.reduce((product, side) => product * side, 1);
  return { shape, data: Float32Array.from({ length }, () => next() - 0.5) };
}

/** A graph of one input `x` and one output `y`, with a weight `w` and a bias `b` of 8. */
function modelOf(
  x: readonly number[],
  w: readonly number[],
  build: (g: Graph, x: Value, w: Value, b: Value) => Value,
): ModelProto {
  const g = Graph.create(
    'g',
    new Map([
      ['w', weight(w)],
      ['b', weight([8], 2)],
    ]),
  );
  const y = build(g, g.input('x', x), g.parameter('w'), g.parameter('b'));
  g.output(
    'y',
    y,
    x.map((_, axis) => `y${axis}`),
  );
  return g.toModel();
}

function operators({ graph }: ModelProto): string[] {
  return graph.nodes.map(({ op }) => op);
}

function isQuantized(model: ModelProto, leastChannels = 8): boolean {
  return operators(quantize(model, leastChannels)).includes('MatMulInteger');
}

/** The same model, one attribute of its first node changed. */
function withAttribute(model: ModelProto, name: string, value: AttributeValue): ModelProto {
  const [first, ...others] = model.graph.nodes;
  if (!first) throw new Error('no node');
  const node = { ...first, attributes: { ...first.attributes, [name]: value } };
  return { ...model, graph: { ...model.graph, nodes: [node, ...others] } };
}

const PRODUCT = modelOf([4, 8], [8, 8], (g, x, w) => g.matMul(x, w));
const GEMM = modelOf([4, 8], [8, 8], (g, x, w, b) => g.gemm(x, w, b));
const LINEAR = modelOf([4, 8], [8, 8], (g, x, w, b) => g.gemmTransposed(x, w, b));
const [IMAGE, KERNEL] = [[2, 8, 5, 6] as const, [8, 8, 3, 3] as const];
const CONV = modelOf(IMAGE, KERNEL, (g, x, w, b) => g.conv(x, w, b, { stride: 1, padding: 1 }));
const PATCHES = modelOf(IMAGE, [8, 8, 1, 1], (g, x, w, b) => g.conv(x, w, b, { stride: 1 }));

t.test('products by constant weights become whole numbers', async (t) => {
  for (const model of [PRODUCT, GEMM, LINEAR, CONV, PATCHES]) t.ok(isQuantized(model));
});

t.test('what is no plain product stays as it is', async (t) => {
  const float = (value: number) => ({ kind: 'float', value }) as const;
  const int = (value: number) => ({ kind: 'int', value }) as const;
  const ints = (...value: number[]) => ({ kind: 'ints', value }) as const;
  const kept: Record<string, ModelProto> = {
    'a product of two activations': modelOf([8, 8], [8, 8], (g, x) => g.matMul(x, x)),
    'a stack of products': modelOf([2, 4, 8], [2, 8, 8], (g, x, w) => g.matMul(x, w)),
    alpha: withAttribute(GEMM, 'alpha', float(0.5)),
    beta: withAttribute(GEMM, 'beta', float(0.5)),
    'a transposed activation': withAttribute(GEMM, 'transA', int(1)),
    'a convolution with strides': modelOf(IMAGE, KERNEL, (g, x, w, b) =>
      g.conv(x, w, b, { stride: 2, padding: 1 }),
    ),
    'a convolution of groups': modelOf([1, 16, 5, 5], [8, 8, 3, 3], (g, x, w, b) =>
      g.conv(x, w, b, { stride: 1, groups: 2 }),
    ),
    'a kernel that is no square': modelOf(IMAGE, [8, 8, 3, 1], (g, x, w, b) =>
      g.conv(x, w, b, { stride: 1 }),
    ),
    'uneven padding': withAttribute(CONV, 'pads', ints(1, 1, 0, 0)),
    dilations: withAttribute(CONV, 'dilations', ints(2, 2)),
    'a sum': modelOf([8, 8], [8, 8], (g, x, w) => g.add(x, w)),
  };
  for (const [name, model] of Object.entries(kept)) {
    t.notOk(isQuantized(model), name);
    t.strictSame(quantize(model, 8).graph.nodes, model.graph.nodes, name);
  }
});

t.test('products of few channels stay as they are', async (t) => {
  const narrow = modelOf([4, 4], [4, 8], (g, x, w) => g.matMul(x, w));
  t.ok(isQuantized(narrow, 4));
  t.notOk(isQuantized(narrow, 5), 'the fewer of inputs and outputs count');
});

t.test(
  'weights have 7 bits, the largest of each output 64, and their floats are gone',
  async (t) => {
    const { initializers } = quantize(LINEAR, 8).graph;
    const names = initializers.map(({ name }) => name);
    t.notOk(names.includes('w'));
    t.ok(names.includes('b'), 'biases stay in floats');
    const whole = initializers.find(({ name }) => name === 'w whole');
    t.strictSame(whole?.shape, [8, 8]);
    const values = new Int8Array(whole?.data ?? []);
    for (let output = 0; output < 8; output++) {
      const column = Array.from({ length: 8 }, (_, input) => values[input * 8 + output] as number);
      t.equal(Math.max(...column.map(Math.abs)), 64, `output ${output}`);
    }
  },
);

t.test('a weight of zeros is zeros', async (t) => {
  const g = Graph.create('g', new Map([['w', { shape: [8, 8], data: new Float32Array(64) }]]));
  g.output('y', g.matMul(g.input('x', [4, 8]), g.parameter('w')), [4, 8]);
  const { y } = await run(quantize(g.toModel(), 8), { x: weight([4, 8]) });
  t.strictSame(Array.from(y?.data as Float32Array), new Array(32).fill(0));
});

t.test('products of one activation share its conversion', async (t) => {
  const twice = modelOf([4, 8], [8, 8], (g, x, w) => g.add(g.matMul(x, w), g.matMul(x, w)));
  const ops = operators(quantize(twice, 8));
  t.equal(ops.filter((op) => op === 'MatMulInteger').length, 2);
  t.equal(ops.filter((op) => op === 'DynamicQuantizeLinear').length, 1);
});

async function close(t: Test, model: ModelProto, shape: readonly number[]): Promise<void> {
  const x = weight(shape, 3);
  const { y: exact } = await run(model, { x });
  const { y: rounded } = await run(quantize(model, 8), { x });
  t.strictSame(rounded?.dims, exact?.dims);
  const [a, b] = [exact?.data as Float32Array, rounded?.data as Float32Array];
  const difference = maxDifference(a, b);
  // A factor of an activation is off by 1/510 at most and one of a weight by 1/256, of 72 products at most.
  t.ok(difference < 0.05, `differs by ${difference}`);
  t.ok(maxDifference(a, new Float32Array(a.length)) > 0.3, 'the answer is worth comparing');
}

t.test('whole numbers answer about as floats do', async (t) => {
  for (const model of [PRODUCT, GEMM, LINEAR]) await close(t, model, [4, 8]);
  for (const model of [CONV, PATCHES]) await close(t, model, IMAGE);
  const unbiased = modelOf(IMAGE, KERNEL, (g, x, w) => g.conv(x, w, undefined, { stride: 1 }));
  await close(t, unbiased, IMAGE);
});
