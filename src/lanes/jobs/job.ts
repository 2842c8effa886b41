import type { Provider } from '../../core/device.js';
import type { Outcome } from './outcome.js';

/** A module that runs in the workers: each of its other exports answers a batch of tasks of one kind. */
export interface Job {
  /** Loads a model's network. */
  load(model: string): Promise<Outcome<Provider>>;
  /** Runs a model's network once. */
  warmUp(model: string): Promise<Outcome<void>>;
}
/** The kinds of tasks that a job answers. */
export type Kind<J extends Job> = Exclude<keyof J, keyof Job> & string;

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
