import type * as Ort from 'onnxruntime-web';
import type { Place } from '../prediction.js';

/** The library that runs graphs, ready for the place it runs them in. */
export interface Runtime {
  readonly ort: Pick<typeof Ort, 'InferenceSession' | 'Tensor'>;
  readonly place: Place;
  readonly session: Ort.InferenceSession.SessionOptions;
}

export interface RuntimeOptions {
  /** `auto`: WebGPU where there is a processor for graphics, else wasm. */
  readonly runtime: 'auto' | 'webgpu' | 'wasm';
  /** Of wasm; what fits the machine where it is undefined. */
  readonly threads: number | undefined;
}

/** More threads than that hardly make a click faster. */
const MAX_THREADS = 4;

export function threadsFor(wanted: number | undefined, processors: number): number {
  return wanted ?? Math.min(processors, MAX_THREADS);
}

/** Errors only: that some nodes run on the processor although there is a GPU is as it should be. */
export const QUIET = { logSeverityLevel: 3 } as const;
