import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Provider } from '../core/device.js';
import { Graph } from '../onnx/graph.js';
import { toHalfPrecision } from '../onnx/precision/half-precision.js';
import { writeModel } from '../onnx/write-model.js';

/** More than a runtime would compute by itself while it opens the graph. */
const SIDE = 8;

/**
 * Runs a small product, which shows within a moment whether a provider is there and what it computes in: nobody says so
 * before a first run has compiled its shaders.
 * @throws Error of the runtime, when it does not.
 */
export async function probe(provider: Provider, numbers: 'float' | 'float16'): Promise<void> {
  const g = Graph.create('probe');
  const x = g.input('x', [SIDE, SIDE]);
  g.output('y', g.matMul(x, x), [SIDE, SIDE]);
  const model = g.toModel();
  const graph = writeModel(numbers === 'float' ? model : toHalfPrecision(model, new Set()));
  const session = await InferenceSession.create(graph, {
    executionProviders: [provider],
    logSeverityLevel: 4,
  });
  try {
    const ones = new Float32Array(SIDE * SIDE).fill(1);
    const { y } = await session.run({ x: new Tensor('float32', ones, [SIDE, SIDE]) });
    const sum = (y?.data as Float32Array | undefined)?.[0];
    if (sum !== SIDE) throw new Error(`a product of ${numbers}s came to ${sum}, not ${SIDE}`);
  } finally {
    await session.release();
  }
}
