import { InferenceSession, Tensor } from 'onnxruntime-node';
import t from 'tap';
import { Graph } from '#src/onnx/graph.js';
import type { Value } from '#src/onnx/graph-scope.js';
import type { DataType, ModelProto } from '#src/onnx/proto.js';
import { writeModel } from '#src/onnx/write-model.js';
import { addGradients } from '#src/train/graph/gradients.js';
import { random } from '../sam/fixtures/decoders.js';
import { runInDoubles } from './fixtures/double-graph.js';

type Build = (g: Graph, inputs: Value[]) => Value;

interface Rule {
  readonly shapes: readonly (readonly number[])[];
  readonly build: Build;
  /** The runtime has no kernels for doubles: it is run by `runInDoubles`, and by the runtime in float32 beside it. */
  readonly single?: true;
}

/** Of a difference, and how far off it may be. */
const [STEP, OFF] = [1e-5, 1e-7];
/** The runtime's float32 against float64. */
const ROUNDING = 1e-5;

const RULES: Record<string, Rule> = {
  'Add, both operands repeated': {
    shapes: [
      [2, 1, 3],
      [4, 1],
    ],
    build: (g, [a, b]) => g.add(a as Value, b as Value),
  },
  'Sub, repeated': { shapes: [[3], [2, 3]], build: (g, [a, b]) => g.sub(a as Value, b as Value) },
  'Mul, repeated': {
    shapes: [
      [2, 3],
      [2, 1],
    ],
    build: (g, [a, b]) => g.mul(a as Value, b as Value),
  },
  'Div, repeated': {
    shapes: [[2, 3], [3]],
    build: (g, [a, b]) => g.div(a as Value, g.exp(b as Value)),
  },
  Where: {
    shapes: [
      [1, 3],
      [2, 3],
    ],
    build: (g, [a, b]) => g.where(g.greater(b as Value, g.constant(0)), a as Value, b as Value),
  },
  Relu: { shapes: [[2, 5]], build: (g, [a]) => g.relu(a as Value) },
  Sigmoid: { shapes: [[2, 5]], build: (g, [a]) => g.sigmoid(a as Value) },
  Softplus: { shapes: [[2, 5]], build: (g, [a]) => g.softplus(a as Value), single: true },
  Exp: { shapes: [[5]], build: (g, [a]) => g.exp(a as Value) },
  Sin: { shapes: [[5]], build: (g, [a]) => g.sin(a as Value) },
  Softmax: { shapes: [[2, 3, 4]], build: (g, [a]) => g.softmax(a as Value) },
  LayerNormalization: {
    shapes: [[2, 3, 4], [4], [4]],
    build: (g, [x, s, b]) => g.layerNormalization(x as Value, s as Value, b, 1e-5),
    single: true,
  },
  'MatMul with a weight': {
    shapes: [
      [2, 3, 4],
      [4, 5],
    ],
    build: (g, [a, b]) => g.matMul(a as Value, b as Value),
  },
  'MatMul of batches, repeated': {
    shapes: [
      [2, 3, 4],
      [1, 4, 5],
    ],
    build: (g, [a, b]) => g.matMul(a as Value, b as Value),
  },
  Transpose: { shapes: [[2, 3, 4]], build: (g, [a]) => g.transpose(a as Value, [2, 0, 1]) },
  Reshape: { shapes: [[2, 3, 4]], build: (g, [a]) => g.reshape(a as Value, [0, -1]) },
  Unsqueeze: { shapes: [[2, 3]], build: (g, [a]) => g.unsqueeze(a as Value, 1) },
  Concat: {
    shapes: [
      [2, 1],
      [2, 3],
    ],
    build: (g, [a, b]) => g.concat([a as Value, b as Value], 1),
  },
  Slice: { shapes: [[2, 5]], build: (g, [a]) => g.slice(a as Value, 1, 1, 3) },
  Expand: { shapes: [[1, 3]], build: (g, [a]) => g.expand(a as Value, g.ints([4, 3])) },
  ReduceSum: { shapes: [[2, 3]], build: (g, [a]) => g.reduceSum(a as Value, 1) },
  'Gather, a row twice': {
    shapes: [[3, 2]],
    build: (g, [a]) =>
      g.gather(
        a as Value,
        g.sharedInts('rows', [
          [2, 0],
          [2, 2],
        ]),
      ),
  },
  Conv: {
    shapes: [[2, 2, 4, 2], [3, 2, 2, 2], [3]],
    build: (g, [x, w, b]) => g.conv(x as Value, w as Value, b, { stride: 2 }),
    single: true,
  },
  ConvTranspose: {
    shapes: [[2, 2, 2, 1], [2, 3, 2, 2], [3]],
    build: (g, [x, w, b]) => g.convTranspose(x as Value, w as Value, b, { stride: 2 }),
    single: true,
  },
  Gelu: {
    shapes: [[2, 5]],
    build: (g, [a]) => g.gelu(a as Value),
    single: true,
  },
};

const elementsOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

for (const [name, { shapes, build, single }] of Object.entries(RULES)) {
  t.test(name, async (t) => {
    const next = random(name.length);
    const g = Graph.create('rule');
    const inputs = shapes.map((shape, i) => g.input(`x${i}`, shape));
    const y = build(g, inputs);
    // Squares, so that the elements' gradients differ and none cancels another.
    const loss = g.mul(y, g.add(y, g.constant(1)));
    const gradients = addGradients(g, loss, new Set(inputs.map((input) => input.name)));
    g.output('loss', loss, []);
    for (const [input, gradient] of gradients) g.output(`d ${input}`, gradient, []);
    const model = g.toModel();
    const run = single ? doubles(model, shapes) : await runtime(model, shapes, 'double');
    const values = shapes.map((shape) =>
      Float64Array.from({ length: elementsOf(shape) }, () => 2 * next() - 1),
    );
    const answer = await run(values);
    if (single) {
      const floats = await (await runtime(model, shapes, 'float'))(values);
      for (const [name, exact] of answer) {
        const far = distance(floats.get(name) ?? [], exact);
        t.ok(far <= ROUNDING, `the runtime's ${name} is ${far} off`);
      }
    }
    for (const [i, own] of values.entries()) {
      const gradient = answer.get(`d x${i}`) ?? [];
      t.equal(gradient.length, own.length);
      for (let at = 0; at < own.length; at++) {
        const moved = (by: number) =>
          values.map((v, k) => (k === i ? v.with(at, (v[at] as number) + by) : v));
        const up = (await run(moved(STEP))).get('loss') ?? [];
        const down = (await run(moved(-STEP))).get('loss') ?? [];
        const difference = total(up, down) / (2 * STEP);
        const far =
          Math.abs(difference - (gradient[at] as number)) / Math.max(1, Math.abs(difference));
        if (!(far <= OFF))
          t.fail(`element ${at} of input ${i}: ${gradient[at]}, by differences ${difference}`);
      }
    }
  });
}

type Values = readonly Float64Array[];
type Run = (values: Values) => Promise<Map<string, ArrayLike<number>>>;

/** By the runtime. */
async function runtime(
  model: ModelProto,
  shapes: Rule['shapes'],
  type: 'float' | 'double',
): Promise<Run> {
  const session = await InferenceSession.create(writeModel(inType(model, type)), {
    logSeverityLevel: 4,
  });
  return async (values) => {
    const tensors = values.map((data, i) => {
      const shape = shapes[i] as number[];
      return type === 'float'
        ? new Tensor('float32', Float32Array.from(data), shape)
        : new Tensor('float64', data, shape);
    });
    const feeds = Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor]));
    const answer = Object.entries(await session.run(feeds));
    return new Map(answer.map(([name, { data }]) => [name, data as Float64Array]));
  };
}

/** By the loops beside this file. */
function doubles({ graph }: ModelProto, shapes: Rule['shapes']): Run {
  return async (values) => {
    const inputs = values.map((data, i) => [`x${i}`, { data, shape: shapes[i] ?? [] }] as const);
    const answer = runInDoubles(graph, new Map(inputs));
    return new Map([...answer].map(([name, { data }]) => [name, data]));
  };
}

/** The difference of two sums. */
function total(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value - (b[i] as number), 0);
}

/** The greatest, over the greatest number. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const most = Math.max(...Array.from(b, Math.abs));
  const far = Array.from(b, (value, i) => Math.abs(value - (a[i] as number)));
  return Math.max(...far) / Math.max(most, 1e-6);
}

/** A graph in double precision. */
function inType(model: ModelProto, type: 'float' | 'double'): ModelProto {
  if (type === 'float') return model;
  const changed = (from: DataType) => (from === 'float' ? type : from);
  const { graph } = model;
  const initializers = graph.initializers.map((tensor) => {
    if (tensor.type !== 'float') return tensor;
    const floats = new Float32Array(tensor.data.slice().buffer);
    return { ...tensor, type, data: new Uint8Array(Float64Array.from(floats).buffer) };
  });
  const inputs = graph.inputs.map((input) => ({ ...input, type: changed(input.type) }));
  const outputs = graph.outputs.map((output) => ({ ...output, type: changed(output.type) }));
  return { ...model, graph: { ...graph, initializers, inputs, outputs } };
}
