import { LRUCache } from 'lru-cache';
import { Piscina } from 'piscina';

/** One worker thread of a lane, replaced when it dies, and what is known of its memory. */
export class Seat {
  busy = false;
  readonly #pool: Piscina;
  readonly #hot: LRUCache<string, true>;
  /** The last task given to the worker. */
  #running: Promise<unknown> = Promise.resolve();

  /**
   * @param job the module that runs in the worker, as a URL.
   * @param hotLimit how many subjects' preparations the worker keeps, the least recently used dropped first.
   */
  constructor(job: URL, settings: unknown, hotLimit: number, onLost: (error: unknown) => void) {
    this.#hot = new LRUCache({ max: Math.max(1, hotLimit) });
    this.#pool = new Piscina({
      filename: job.href,
      minThreads: 1,
      maxThreads: 1,
      workerData: settings,
      // What the process was started with to load other than JavaScript is not what a job is written in.
      execArgv: [],
      recordTiming: false,
    });
    this.#pool.on('error', (error) => {
      this.#hot.clear();
      onLost(error);
    });
  }

  /** Whether this worker has prepared for a subject before and still remembers it. */
  isHot(subject: string | undefined): boolean {
    return subject !== undefined && this.#hot.has(subject);
  }

  /**
   * Runs one export of the job.
   * @param transfer memory of the input that moves to the worker.
   */
  async run<Result>(
    name: string,
    input: unknown,
    { subject, transfer = [] }: { subject?: string | undefined; transfer?: ArrayBuffer[] } = {},
  ): Promise<Result> {
    if (subject !== undefined) this.#hot.set(subject, true);
    const running = this.#pool.run(input, { name, transferList: transfer });
    this.#running = running;
    try {
      return await running;
    } catch (error) {
      // Perhaps a new worker sits here now.
      this.#hot.clear();
      throw error;
    }
  }

  /**
   * Ends the worker once its task is done: a thread that is ended inside of onnxruntime takes the process with it, as
   * the results have no JavaScript to go to.
   */
  async close(): Promise<void> {
    await Promise.allSettled([this.#running]);
    await this.#pool.destroy();
  }
}
