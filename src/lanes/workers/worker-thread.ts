import { Piscina } from 'piscina';
import { condemn, newSection, PARKED } from '../../engine/native-section.js';

const STARTED = new URL('./started.js', import.meta.url).href;

/** One thread that runs a job, a task at a time, from its start to its end. */
export class WorkerThread {
  /** Resolves when the job's modules have been loaded, or never will be. */
  readonly started: Promise<void>;
  readonly #pool: Piscina;
  readonly #section = newSection();
  readonly #onLost: (error: unknown, started: boolean) => void;
  #fail: ((error: unknown) => void) | undefined;
  /** Resolves when the thread is out of native code for good, or gone. */
  readonly #parked: Promise<void>;
  #park = () => {};
  #started = false;
  #lost = false;
  #ending: Promise<void> | undefined;

  /**
   * @param job the module, as a URL.
   * @param onLost told when the thread dies without having been ended, and whether its modules had been loaded.
   */
  constructor(job: URL, settings: unknown, onLost: (error: unknown, started: boolean) => void) {
    this.#onLost = onLost;
    this.#parked = new Promise((resolve) => {
      this.#park = resolve;
    });
    this.#pool = new Piscina({
      filename: job.href,
      // None that the pool would replace: another thread is another section.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      workerData: { ...(settings as object), nativeSection: this.#section },
      // What the process was started with to load other than JavaScript is not what a job is written in.
      execArgv: [],
      recordTiming: false,
    });
    this.#pool.on('error', (error) => this.#lose(error));
    this.#pool.on('message', (message) => message === PARKED && this.#park());
    this.started = this.#pool.run(undefined, { filename: STARTED, name: 'default' }).then(
      () => {
        this.#started = true;
      },
      (error) => this.#lose(error),
    );
    for (const thread of this.#pool.threads) {
      thread.once('error', (error) => this.#lose(error));
      thread.once('exit', (code) => this.#lose(new Error(`worker exited with code: ${code}`)));
    }
  }

  /**
   * Runs one export of the job. To be called when the task before has come to its end.
   * @param transfer memory of the input that moves to the worker.
   * @throws what the job throws, or what the thread died of
   */
  run<Result>(name: string, input: unknown, transfer: readonly ArrayBuffer[]): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#pool.run(input, { name, transferList: [...transfer] }).then(resolve, reject);
    });
  }

  /** Ends the thread whatever it does, as soon as it is out of native code. @returns when it has ended. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    if (!this.#lost && !condemn(this.#section)) await this.#parked;
    await this.#pool.destroy();
  }

  #lose(error: unknown): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#park();
    this.#fail?.(error);
    if (!this.#ending) this.#onLost(error, this.#started);
  }
}
