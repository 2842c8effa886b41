/** Where a lane's networks may be asked to run; `auto` takes the best that loads. */
export const DEVICES = ['cpu', 'cuda', 'tensorrt', 'webgpu', 'coreml', 'dml', 'auto'] as const;
export type Device = (typeof DEVICES)[number];

/** Where they do run. */
export type Provider = Exclude<Device, 'auto'>;

/**
 * How many inputs of a kind a provider answers best in one run. A GPU is filled by many; on the CPU the activations
 * of two prompts already leave the cache, and each takes longer than one alone (bench/README).
 */
export function bestBatch(provider: Provider): number {
  return provider === 'cpu' ? 1 : 16;
}
