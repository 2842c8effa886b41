import type { Clock } from '../core/clock.js';
import type { Crowd } from '../engine/crowd.js';
import type { Load } from './load.js';
import type { TaskReport } from './task-report.js';

/** The size of a lane and what its workers are given. */
export interface LaneOptions<Settings> {
  readonly workers: number;
  /** Tasks that may wait beyond those that run. */
  readonly queueLimit: number;
  /** Milliseconds a task may wait, and may run. */
  readonly timeouts: { readonly queueMs: number; readonly runMs: number };
  readonly settings: Settings;
  /** Affinity keys that a worker stays warm for; see `LaneTask.affinityKey`. */
  readonly affinityLimit?: number;
  /** The lane that takes over from this one, which works ahead of it by no more than it can take at once. */
  readonly downstream?: Downstream;
  /**
   * Told how many tasks there are, those of others among them, for workers that use all of the lane's threads where there
   * is one: the threads of a run wait for each other, and longer where they do not have the processor to themselves.
   */
  readonly crowd?: Crowd;
  /** Tasks of others that need the processor: beside them long work leaves all workers but one, and rests. */
  readonly othersWork?: () => number;
  readonly clock?: Clock;
  /** Told of a worker that died between tasks; it has been replaced already. */
  readonly onWorkerLost: (error: unknown) => void;
  /** Told of each task that ended, well or badly. */
  readonly onTask?: (task: TaskReport) => void;
}

/** What a lane is to know of the one after it. */
export interface Downstream {
  /** Tasks that wait and workers that run some: all, and those that somebody waits for. */
  readonly load: Load;
  readonly urgent: Load;
  /** Milliseconds of a task, as of late. */
  readonly averageMs: number;
  readonly workers: number;
  /** Tasks that its workers can take at once. */
  readonly capacity: number;
}
