import { LRUCache } from 'lru-cache';
import { Piscina } from 'piscina';

/** One worker thread of a lane, replaced when it dies, and what is known of its memory. */
export class Seat {
  busy = false;
  readonly #pool: Piscina;
  readonly #hot: LRUCache<string, true>;

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
   * @param signal ends the worker if the run has not ended by then.
   */
  async run<Result>(
    name: string,
    input: unknown,
    {
      subject,
      transfer = [],
      signal,
    }: { subject?: string | undefined; transfer?: ArrayBuffer[]; signal?: AbortSignal } = {},
  ): Promise<Result> {
    if (subject !== undefined) this.#hot.set(subject, true);
    try {
      const options = { name, transferList: transfer, ...(signal && { signal }) };
      return await this.#pool.run(input, options);
    } catch (error) {
      // Perhaps a new worker sits here now.
      this.#hot.clear();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
