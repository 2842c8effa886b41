/** The cores of a lane, and how many tasks share in them. Threads share it. */
export interface Crowd {
  /** One 32-bit word: tasks that run and that wait, in the lane and in others that need the processor. */
  readonly tasks: SharedArrayBuffer;
  /** Threads that the lane may use in all. */
  readonly threads: number;
}

/** For the lane: says how many tasks there are. */
export function countTasks({ tasks }: Crowd, count: number): void {
  Atomics.store(new Int32Array(tasks), 0, count);
}

/** For a worker. @returns whether no other task has a use for the processor now. */
export function isAlone({ tasks }: Crowd): boolean {
  return Atomics.load(new Int32Array(tasks), 0) <= 1;
}
