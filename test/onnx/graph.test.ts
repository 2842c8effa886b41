import t from 'tap';
import type { ExternalTensor } from '#src/onnx/float-tensor.js';
import { Graph } from '#src/onnx/graph.js';
import { run } from './fixtures/run.js';

const WEIGHT = { shape: [2], data: Float32Array.of(3, 4) };

t.test('a scope names its nodes and finds its weights by its path', async (t) => {
  const g = Graph.create('g', new Map([['layers.0.norm.weight', WEIGHT]]));
  const x = g.input('x', [2]);
  const inner = g.scope('layers.0').scope('norm');
  t.equal(inner.parameter('weight').name, 'layers.0.norm.weight');
  t.strictSame(inner.parameterShape('weight'), [2]);
  t.equal(inner.add(x, inner.parameter('weight')).name, 'layers.0.norm.Add');
  t.equal(g.relu(x).name, 'Relu');
  const { nodes, initializers } = g.toModel().graph;
  t.strictSame(
    nodes.map(({ name }) => name),
    ['layers.0.norm.Add', 'Relu'],
  );
  t.strictSame(
    initializers.map(({ name }) => name),
    ['layers.0.norm.weight'],
  );
});

t.test('nodes of one scope have names of their own, whichever way it was reached', async (t) => {
  const g = Graph.create('g');
  const x = g.input('x', [2]);
  const names = [g.scope('a.b'), g.scope('a').scope('b'), g.scope('a.b')].map(
    (scope) => scope.relu(x).name,
  );
  t.strictSame(names, ['a.b.Relu', 'a.b.Relu_1', 'a.b.Relu_2']);
});

t.test('a weight that is missing is named with its graph', async (t) => {
  const g = Graph.create('sam', new Map([['a.weight', WEIGHT]]));
  const message = 'graph "sam" has no parameter "b.weight"';
  t.throws(() => g.scope('b').parameter('weight'), { message });
  t.throws(() => g.scope('b').parameterShape('weight'), { message });
  t.throws(() => g.parameter('weight'), { message: /no parameter "weight"/ });
});

t.test('a weight that does not fill its shape is refused', async (t) => {
  const g = Graph.create('g', new Map([['w', { shape: [3], data: new Float32Array(2) }]]));
  t.throws(() => g.parameter('w'), { message: 'parameter "w" does not fill its shape [3]' });
});

t.test('equal constants are stored once, and weights that are not used not at all', async (t) => {
  const g = Graph.create('g', new Map([['unused', WEIGHT]]));
  const inner = g.scope('inner');
  t.strictSame(inner.constant(0.5), g.constant(0.5));
  t.strictSame(inner.ints([1, 2]), g.ints([1, 2]));
  t.not(g.ints([1]).name, g.constant(1).name);
  t.equal(g.toModel().graph.initializers.length, 4);
});

t.test('a weight in a file that is not of floats is converted once', async (t) => {
  const external = { location: 'w.bin', offset: 0, length: 4 };
  const half: ExternalTensor = { type: 'float16', shape: [2], external };
  const whole: ExternalTensor = { type: 'float', shape: [2], external };
  const g = Graph.create(
    'g',
    new Map([
      ['half', half],
      ['whole', whole],
    ]),
  );
  for (const name of ['half', 'half', 'whole']) t.equal(g.parameter(name).name, name);
  const { nodes, initializers } = g.toModel().graph;
  t.strictSame(
    nodes.map(({ op, inputs, outputs }) => ({ op, inputs, outputs })),
    [{ op: 'Cast', inputs: ['half as float16'], outputs: ['half'] }],
  );
  t.match(initializers, [
    { name: 'half as float16', type: 'float16', external },
    { name: 'whole', type: 'float', external },
  ]);
});

t.test('outputs have names of their own', async (t) => {
  const g = Graph.create('g', new Map([['w', WEIGHT]]));
  const sum = g.add(g.input('x', ['N', 2]), g.parameter('w'));
  g.output('sum', sum, ['N', 2]);
  g.output('again', sum, ['N', 2]);
  const feed = { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
  const { sum: first, again } = await run(g.toModel(), { x: feed });
  t.strictSame(Array.from(first?.data as Float32Array), [4, 6, 6, 8]);
  t.strictSame(again?.data, first?.data);
});

t.test('operators do what their comments say', async (t) => {
  const g = Graph.create('g');
  const x = g.input('x', [2, 3]);
  const [, second = x] = g.split(x, 0, 2);
  g.output('reshape', g.reshape(x, [0, -1, 1]), [2, 3, 1]);
  g.output('unsqueeze', g.unsqueeze(x, 1), [2, 1, 3]);
  g.output('slice', g.slice(x, 1, 1, 3), [2, 2]);
  g.output('second', second, [1, 3]);
  g.output('pad', g.pad(x, [0, 2]), [2, 5]);
  g.output('gather', g.gather(x, g.sharedInts('rows', [[1], [0]])), [2, 1, 3]);
  g.output('reduceMax', g.reduceMax(x, 1), [2, 1]);
  g.output('softmax', g.softmax(x), [2, 3]);
  g.output('interpolate', g.interpolate(g.unsqueeze(g.slice(x, 0, 0, 1), 0), 6), [1, 1, 6]);

  const feed = { shape: [2, 3], data: Float32Array.of(1, 2, 4, 0, 0, 0) };
  const answer = await run(g.toModel(), { x: feed });
  const dims = (name: string) => answer[name]?.dims;
  const values = (name: string) => Array.from(answer[name]?.data as Float32Array);
  t.strictSame(dims('reshape'), [2, 3, 1]);
  t.strictSame(dims('unsqueeze'), [2, 1, 3]);
  t.strictSame(values('slice'), [2, 4, 0, 0]);
  t.strictSame(values('second'), [0, 0, 0]);
  t.strictSame(values('pad'), [1, 2, 4, 0, 0, 0, 0, 0, 0, 0]);
  t.strictSame(values('gather'), [0, 0, 0, 1, 2, 4]);
  t.strictSame(values('reduceMax'), [4, 0]);
  t.strictSame(values('softmax').slice(3), [1 / 3, 1 / 3, 1 / 3].map(Math.fround));
  // As torch.nn.functional.interpolate([1, 2, 4], 6, mode="linear") has it.
  t.strictSame(values('interpolate'), [1, 1.25, 1.75, 2.5, 3.5, 4]);
});

t.test('nothing cannot be concatenated', async (t) => {
  const g = Graph.create('g').scope('a.b');
  t.throws(() => g.concat([], 0), { message: 'nothing to concatenate in "a.b"' });
});
