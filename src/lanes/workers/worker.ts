import { LRUCache } from 'lru-cache';
import { WorkerThread } from './worker-thread.js';

/** A task in the worker. */
interface Running {
  readonly worker: WorkerThread;
  /** Resolves when the worker has answered, or is gone. */
  readonly answered: Promise<void>;
  readonly fail: (error: unknown) => void;
  over: boolean;
  givenUp: boolean;
}

/**
 * A worker of a lane, started with its first task, replaced when it dies or has to be given up, and what is known of
 * its memory.
 */
export class Worker {
  /** Whether somebody has taken it. */
  busy = false;
  readonly #takers: (() => void)[] = [];
  readonly #hire: () => WorkerThread;
  readonly #onLost: (error: unknown) => void;
  readonly #warm: LRUCache<string, true>;
  #thread: WorkerThread | undefined;
  #running: Running | undefined;
  /** The end of a worker that was given up. */
  #leaving: Promise<void> | undefined;
  #closed = false;

  /**
   * @param job the module that runs in the worker, as a URL.
   * @param affinityLimit how many subjects' preparations the worker keeps, the least recently used dropped first.
   * @param onLost told of each worker that died or was given up, and has been replaced.
   */
  constructor(
    job: URL,
    settings: unknown,
    affinityLimit: number,
    onLost: (error: unknown) => void,
  ) {
    this.#warm = new LRUCache({ max: Math.max(1, affinityLimit) });
    this.#onLost = onLost;
    this.#hire = () =>
      new WorkerThread(job, settings, (error, started) => this.#lose(error, started));
  }

  /** Whether this worker has prepared for an affinity key before and still remembers it. */
  isWarm(affinityKey: string | undefined): boolean {
    return affinityKey !== undefined && this.#warm.has(affinityKey);
  }

  /** Resolves when the worker is the caller's: at once when it is free. */
  take(): Promise<void> {
    if (this.busy) return new Promise((resolve) => this.#takers.push(resolve));
    this.busy = true;
    return Promise.resolve();
  }

  /** Gives the worker to the next who wants to take it, if anybody does. */
  release(): void {
    const next = this.#takers.shift();
    if (next) next();
    else this.busy = false;
  }

  /**
   * Runs one export of the job. To be called by who has taken the worker, when the answer before has come or failed.
   * @param transfer memory of the input that moves to the worker.
   * @returns the answer, when the worker begins to make it, and when it holds nothing of the task any more.
   */
  run<Result>(
    name: string,
    input: unknown,
    {
      affinityKey,
      transfer = [],
    }: { affinityKey?: string | undefined; transfer?: ArrayBuffer[] } = {},
  ): { begun: Promise<void>; answer: Promise<Result>; released: Promise<void> } {
    if (this.#closed) throw new Error('the worker has been ended');
    this.#thread ??= this.#hire();
    const worker = this.#thread;
    if (affinityKey !== undefined) this.#warm.set(affinityKey, true);
    const work = worker.run<Result>(name, input, transfer);
    const answered = work.then(
      () => {},
      () => {},
    );
    let fail: Running['fail'] = () => {};
    const answer = new Promise<Result>((resolve, reject) => {
      fail = reject;
      work.then(resolve, reject);
    });
    const running: Running = { worker, answered, fail, over: false, givenUp: false };
    this.#running = running;
    const released = answered.then(async () => {
      running.over = true;
      if (running.givenUp) await worker.end();
    });
    // A job that throws may have left what belongs to a key half prepared.
    answer.catch(() => this.#warm.clear());
    return { begun: worker.started, answer, released };
  }

  /**
   * Ends the worker in the midst of its task, which fails once another thread has its place: at once, or if it is in
   * native code and the one given up before it still is, when either has come out.
   */
  async giveUp(error: Error): Promise<void> {
    const running = this.#running;
    if (!running || running.over) return;
    if (this.#leaving) await Promise.race([this.#leaving, running.answered]);
    if (running.over || this.#closed) return;
    this.#leaving = this.#dismiss(running);
    this.#warm.clear();
    this.#thread = this.#hire();
    this.#onLost(error);
    running.fail(error);
  }

  /** Ends the worker once its task is done. */
  async close(): Promise<void> {
    await this.#running?.answered;
    this.#closed = true;
    await Promise.all([this.#thread?.end(), this.#leaving]);
  }

  /** Ends the worker now, or when it comes out of native code; its task fails. */
  async stop(error: Error): Promise<void> {
    this.#closed = true;
    this.#running?.fail(error);
    await Promise.all([this.#thread?.end(), this.#leaving]);
  }

  async #dismiss(running: Running): Promise<void> {
    running.givenUp = true;
    await running.worker.end();
    this.#leaving = undefined;
  }

  #lose(error: unknown, started: boolean): void {
    this.#warm.clear();
    // One that cannot even start is tried again when there is something to do.
    this.#thread = started && !this.#closed ? this.#hire() : undefined;
    this.#onLost(error);
  }
}
