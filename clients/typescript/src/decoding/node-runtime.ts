import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-web';
import { QUIET, type Runtime, type RuntimeOptions, threadsFor } from './runtime.js';

/** The runtime in Node.js, which has wasm only. */
export async function nodeRuntime({ runtime, threads }: RuntimeOptions): Promise<Runtime> {
  if (runtime === 'webgpu') throw new Error('WebGPU: Node.js has none');
  const count = threadsFor(threads, availableParallelism());
  ort.env.wasm.numThreads = count;
  ort.env.wasm.wasmPaths = new URL('.', import.meta.url).href;
  return {
    ort,
    place: { runtime: 'wasm', threads: count },
    session: { ...QUIET, executionProviders: ['wasm'] },
  };
}
