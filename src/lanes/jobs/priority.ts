import { constants, setPriority } from 'node:os';

/**
 * Lets every other thread of the process go before this one and those it starts from now on, its network's among
 * them: an encode takes the cores that clicks leave. Only Linux knows priorities of threads; elsewhere it would be
 * the whole process that steps back.
 */
export function lowerPriority(): void {
  if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
}
