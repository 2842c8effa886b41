import { constants, getPriority, setPriority } from 'node:os';

/**
 * Lets every other thread of the process go before this one and those it starts from now on, its network's among
 * them: an encode takes the cores that clicks leave. Only Linux knows priorities of threads; elsewhere it would be
 * the whole process that steps back.
 */
export function lowerPriority(): void {
  const lower = constants.priority.PRIORITY_BELOW_NORMAL;
  // A process that was started with a lower one may not raise it.
  if (process.platform === 'linux' && getPriority() < lower) setPriority(lower);
}
