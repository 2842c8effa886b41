import type * as Ort from 'onnxruntime-web';
import { QUIET, type Runtime, type RuntimeOptions, threadsFor } from './runtime.js';

/** What WebGPU is to us; TypeScript's libraries know it for pages only. */
interface Gpu {
  requestAdapter(): Promise<{ readonly info?: { readonly isFallbackAdapter?: boolean } } | null>;
}

/** They lie beside the worker, as they came: only the one that is used is ever loaded. */
const WASM = './ort.wasm.min.mjs';
const WEBGPU = './ort.jspi.min.mjs';

/**
 * The runtime of a worker in a browser. WebGPU takes the build of onnxruntime-web for browsers whose WebAssembly can wait
 * for promises (JSPI): it is 10 MB smaller than the one for all others, which decode by wasm.
 * @throws Error saying why there is no WebGPU, where nothing else is wanted
 */
export async function browserRuntime({ runtime, threads }: RuntimeOptions): Promise<Runtime> {
  const obstacle = runtime === 'wasm' ? 'not wanted' : await obstacleToGpu(runtime === 'webgpu');
  if (obstacle === undefined) {
    const ort = (await import(WEBGPU)) as typeof Ort;
    // Else it asks for threads that wait for the GPU like the one.
    ort.env.wasm.numThreads = 1;
    return {
      ort,
      place: { runtime: 'webgpu' },
      session: { ...QUIET, executionProviders: ['webgpu'] },
    };
  }
  if (runtime === 'webgpu') throw new Error(`WebGPU: ${obstacle}`);
  const ort = (await import(WASM)) as typeof Ort;
  // Threads share memory, which pages have that are isolated from other origins.
  const count = crossOriginIsolated ? threadsFor(threads, navigator.hardwareConcurrency) : 1;
  ort.env.wasm.numThreads = count;
  return {
    ort,
    place: { runtime: 'wasm', threads: count },
    session: { ...QUIET, executionProviders: ['wasm'] },
  };
}

/** @param anything whether a GPU played by the processor will do: it is far slower than wasm. */
async function obstacleToGpu(anything: boolean): Promise<string | undefined> {
  const { gpu } = navigator as Navigator & { readonly gpu?: Gpu };
  if (!gpu) return 'this browser has none here';
  if (!('Suspending' in WebAssembly)) return 'the WebAssembly of this browser lacks JSPI';
  const adapter = await gpu.requestAdapter();
  if (!adapter) return 'there is no adapter';
  return adapter.info?.isFallbackAdapter && !anything ? 'its adapter is software' : undefined;
}
