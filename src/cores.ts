import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * CPU cores this process may use: those its affinity allows, cut to a container's quota. Node knows the
 * first only, and a pool sized by the host's cores inside a two-core container thrashes.
 */
export function usableCores(quotaFile = '/sys/fs/cgroup/cpu.max'): number {
  return Math.max(1, Math.min(availableParallelism(), quota(quotaFile)));
}

/** cgroup v2 writes "<microseconds> <period>", or "max <period>" where there is no quota. */
function quota(file: string): number {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  const [micros, period] = text.trim().split(' ').map(Number);
  return micros && period ? Math.ceil(micros / period) : Number.POSITIVE_INFINITY;
}
