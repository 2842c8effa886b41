import type { Tensor } from 'onnxruntime-node';
import t from 'tap';
import type { ExternalTensor } from '#src/onnx/float-tensor.js';
import { Graph } from '#src/onnx/graph.js';
import { toHalfPrecision } from '#src/onnx/precision/half-precision.js';
import type { ModelProto, NodeProto } from '#src/onnx/proto.js';
import { run } from './fixtures/run.js';

const NOTHING = new Set<string>();

/** The nodes of a model but for the casts, each with the type that its values have by their names. */
function types({ graph }: ModelProto): Record<string, 'float16' | 'float'> {
  const computing = graph.nodes.filter(({ op }) => op !== 'Cast');
  const isHalf = ({ outputs }: NodeProto) => outputs.every((name) => name.endsWith(' in half'));
  return Object.fromEntries(
    computing.map((node) => [node.name, isHalf(node) ? 'float16' : 'float']),
  );
}

function casts({ graph }: ModelProto): string[] {
  return graph.nodes.filter(({ op }) => op === 'Cast').map(({ name }) => name);
}

t.test('operators compute in 16 bits but for those to keep', async (t) => {
  const g = Graph.create('g');
  const x = g.input('x', [2, 2]);
  g.output('y', g.relu(g.softmax(g.exp(x))), [2, 2]);
  const half = toHalfPrecision(g.toModel(), new Set(['Softmax']));
  t.strictSame(types(half), {
    Exp: 'float16',
    Softmax: 'float',
    Relu: 'float16',
    y: 'float16',
  });
  t.strictSame(casts(half), [
    'x to float16',
    'Exp in half to float',
    'Softmax to float16',
    'y in half to float',
  ]);
});

t.test('inputs, outputs and weights stay as they were', async (t) => {
  const external = { location: 'w.bin', offset: 0, length: 16 };
  const stored: ExternalTensor = { type: 'float', shape: [4], external };
  const g = Graph.create('g', new Map([['w', stored]]));
  g.output('y', g.add(g.input('x', [4]), g.parameter('w')), [4]);
  const model = g.toModel();
  const half = toHalfPrecision(model, NOTHING);
  for (const part of ['inputs', 'outputs', 'initializers'] as const) {
    t.strictSame(half.graph[part], model.graph[part], part);
  }
});

t.test('a value is converted once, however many use it', async (t) => {
  const g = Graph.create('g');
  const x = g.input('x', [2]);
  g.output('y', g.add(g.mul(x, x), g.exp(x)), [2]);
  t.strictSame(casts(toHalfPrecision(g.toModel(), NOTHING)), [
    'x to float16',
    'y in half to float',
  ]);
});

t.test('integers and truth values are left alone', async (t) => {
  const g = Graph.create('g');
  const x = g.input('x', ['N', 2]);
  const table = g.input('table', [3, 1]);
  const rows = g.gather(table, g.toInt64(x)); // [N,2,1]
  const isBig = g.greater(x, g.constant(0.5)); // [N,2]
  const chosen = g.where(g.unsqueeze(isBig, 2), rows, g.constant(-1));
  const flat = g.reshape(chosen, g.concat([g.shape(x, 0, 1), g.ints([2])], 0));
  g.output('y', flat, ['N', 2]);
  const half = toHalfPrecision(g.toModel(), NOTHING);
  const { Shape, Concat, Greater, Gather, Where } = types(half);
  t.strictSame(
    { Shape, Concat, Greater, Gather, Where },
    { Shape: 'float', Concat: 'float', Greater: 'float', Gather: 'float16', Where: 'float16' },
  );
  const { y } = await run(half, {
    x: { shape: [2, 2], data: Float32Array.of(0, 1, 2, 0) },
    table: { shape: [3, 1], data: Float32Array.of(5, 6, 7) },
  });
  t.strictSame(Array.from(y?.data as Float32Array), [-1, 6, 7, -1]);
});

t.test('the answer is that of floats, rounded', async (t) => {
  const weight = { shape: [3, 2], data: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6) };
  const g = Graph.create('g', new Map([['w', weight]]));
  g.output('y', g.gelu(g.matMul(g.input('x', [1, 3]), g.parameter('w'))), [1, 2]);
  const x = { shape: [1, 3], data: Float32Array.of(1.1, -2.2, 3.3) };
  const { y: exact } = await run(g.toModel(), { x });
  const { y: rounded } = await run(toHalfPrecision(g.toModel(), NOTHING), { x });
  t.equal(rounded?.type, 'float32');
  const answers = Array.from((rounded as Tensor).data as Float32Array);
  for (const [i, value] of Array.from(exact?.data as Float32Array).entries()) {
    const other = answers[i] as number;
    t.not(other, value, 'it was computed in other numbers');
    t.ok(Math.abs(other - value) < 2e-3 * Math.abs(value), `${other} for ${value}`);
  }
});
