import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path/posix';

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

/**
 * Bytes of memory this process may use: the least of what its control groups, its own limits and the machine allow.
 * Node knows the machine's and the innermost group's only.
 * @param root where `proc` and `sys` are.
 */
export function memoryLimit(root = '/', physical = totalmem()): number {
  return Math.min(physical, ...groupLimits(root), ...processLimits(root));
}

/** What the control groups of this process allow, from its own to the outermost that can be seen. */
function groupLimits(root: string): number[] {
  return lines(join(root, 'proc/self/cgroup')).flatMap((line) => {
    // Version 2 writes "0::/path", version 1 "<number>:<controllers>:/path".
    const [, controllers = 'none', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const files = controllers === '' ? V2_LIMITS : controllers === 'memory' ? V1_LIMITS : [];
    return upwards(path).flatMap((group) =>
      files.flatMap(([mount, file]) => numbers(join(root, mount, group, file)).filter(isLimit)),
    );
  });
}

/** Beyond `memory.high` a group is slowed down to a crawl. */
const V2_LIMITS = [
  ['sys/fs/cgroup', 'memory.max'],
  ['sys/fs/cgroup', 'memory.high'],
] as const;
const V1_LIMITS = [['sys/fs/cgroup/memory', 'memory.limit_in_bytes']] as const;

/** A group's path and those of all around it. A container sees its own as the root, under whichever path. */
function upwards(path: string): string[] {
  const group = join('/', path);
  return group === '/' ? [group] : [group, ...upwards(dirname(group))];
}

/** What `ulimit` or `prlimit` allow. */
function processLimits(root: string): number[] {
  return lines(join(root, 'proc/self/limits')).flatMap((line) => {
    const soft = /^Max (?:address space|data size|resident set) +(\d+)/.exec(line)?.[1];
    return [Number(soft)].filter(isLimit);
  });
}

function isLimit(bytes: number): boolean {
  return bytes > 0;
}

/** What is no number, such as "max", is NaN; a file that is not there has none. */
function numbers(file: string): number[] {
  return lines(file).flatMap((line) => line.split(' ').map(Number));
}

/** None of a file that is not there. */
function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}
