import type { Clock } from '../../core/clock.js';
import { SamError } from '../../core/errors.js';
import type { Outcome } from '../jobs/outcome.js';
import type { QueuedTask } from '../queue/queue.js';
import { reportOf, type TaskReport, withWait } from '../task-report.js';
import type { Worker } from './worker.js';

/** What a batch needs of its lane, and tells it. */
interface BatchOptions {
  /** Of the lane, for problems. */
  readonly name: string;
  /** Milliseconds that one task may run. */
  readonly runMs: number;
  readonly clock: Clock;
  /** Told how long each task took, before anybody has its result. */
  readonly onAnswered: (ms: number) => void;
  readonly onTask: ((task: TaskReport) => void) | undefined;
  /** Told when the worker can be given other work; everybody has been answered by then. */
  readonly onOver: (ms: number) => void;
}

/** Runs tasks of one kind together on a worker that has been taken. */
export async function runBatch(
  worker: Worker,
  batch: readonly [QueuedTask, ...QueuedTask[]],
  { name, runMs, clock, onAnswered, onTask, onOver }: BatchOptions,
): Promise<void> {
  const [{ kind, affinityKey }] = batch;
  const start = clock.now();
  const tasks = batch.map(({ task }) => task);
  const transfer = batch.flatMap(({ transfer }) => transfer ?? []);
  const { begun, answer, released } = worker.run<Outcome<unknown>[]>(kind, tasks, {
    affinityKey,
    transfer,
  });
  for (const { caller, bytes = 0 } of batch) {
    void caller?.memory.during(released.then(() => caller.memory.give('pixels', bytes)));
  }
  let isOver = false;
  let callOff = () => {};
  void begun.then(() => {
    if (isOver) return;
    callOff = clock.after(runMs * batch.length, () => {
      giveUp(worker, batch, new SamError('inference-timeout', `the ${name} took too long`));
    });
  });
  let outcomes: readonly Outcome<unknown>[] = [];
  try {
    outcomes = await answer;
    onAnswered((clock.now() - start) / batch.length);
    for (const [i, { resolve, queuedAt }] of batch.entries()) {
      resolve(withWait(outcomes[i] as Outcome<unknown>, start - queuedAt));
    }
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
  isOver = true;
  callOff();
  for (const [i, task] of batch.entries())
    onTask?.(reportOf(task, start, clock.now(), outcomes[i]));
  onOver(clock.now() - start);
}

/** Books what a task takes while it runs; one for which there is no room is refused. */
export function book({ caller, bytes = 0, reject }: QueuedTask): boolean {
  try {
    if (bytes > 0) caller?.memory.take('pixels', bytes);
    return true;
  } catch (error) {
    reject(error);
    return false;
  }
}

/** Gives up a worker that takes too long. Nobody waits any longer, though it may have to come out of native code. */
function giveUp(worker: Worker, batch: readonly QueuedTask[], reason: SamError): void {
  for (const { reject } of batch) reject(reason);
  void worker.giveUp(reason);
}
