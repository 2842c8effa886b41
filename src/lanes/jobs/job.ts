import type { Provider } from '../../core/device.js';
import type { Outcome } from './outcome.js';

/** A module that runs networks in workers. As of every job, its other exports answer a batch of tasks of one kind each. */
export interface NetworkJob {
  /** Loads a model's network. */
  load(model: string): Promise<Outcome<Provider>>;
  /** Runs a model's network once. */
  warmUp(model: string): Promise<Outcome<void>>;
}

/** The kinds of tasks that a job answers: what it exports, but for what gets it ready. */
export type Kind<J> = Exclude<keyof J, keyof NetworkJob | 'start' | 'precision'> & string;

/** A task of a kind. */
export type TaskOf<J, K extends keyof J> = J[K] extends (tasks: readonly (infer T)[]) => unknown
  ? T
  : never;

/** What a task of a kind comes to. */
export type ResultOf<J, K extends keyof J> = J[K] extends (
  tasks: never,
) => Promise<readonly Outcome<infer R>[]>
  ? R
  : never;
