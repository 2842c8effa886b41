import type { Provider } from '../core/device.js';

/** A task that every worker of a pool is to have once, at the same time. */
export interface WarmUp {
  /** One shared 32-bit word: how many workers are warm. */
  readonly warm: SharedArrayBuffer;
  readonly workers: number;
}

/** Runs `prepare`, then holds this worker until its fellows are as far, so that none gets a second turn. */
export async function together(
  { warm, workers }: WarmUp,
  prepare: () => Promise<Provider>,
): Promise<Provider> {
  const provider = await prepare();
  const count = new Int32Array(warm);
  let arrived = Atomics.add(count, 0, 1) + 1;
  Atomics.notify(count, 0);
  while (arrived < workers) {
    Atomics.wait(count, 0, arrived);
    arrived = Atomics.load(count, 0);
  }
  return provider;
}
