import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * CPU cores this process may use: those its affinity allows, cut to a container's quota. Node knows the
 * first only, and a pool sized by the host's cores inside a two-core container thrashes.
 */
export function usableCores(quotaFile = '/sys/fs/cgroup/cpu.max'): number {
  // cgroup v2 writes "<microseconds> <period>", or "max <period>" where there is no quota.
  const [micros, period] = numbers(quotaFile);
  const quota = micros && period ? Math.ceil(micros / period) : Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(availableParallelism(), quota));
}

/** Bytes a container may use before it is ended, 0 where there is no such limit. */
export function memoryLimit(limitFile = '/sys/fs/cgroup/memory.max'): number {
  const [bytes] = numbers(limitFile);
  return bytes || 0;
}

/** What is no number, such as "max", is NaN; a file that is not there has none. */
function numbers(file: string): number[] {
  try {
    return readFileSync(file, 'utf8').trim().split(' ').map(Number);
  } catch {
    return [];
  }
}
