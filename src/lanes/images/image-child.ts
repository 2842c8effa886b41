import { setImmediate as nextTurn } from 'node:timers/promises';
import { SamError } from '../../core/errors.js';
import { unwrap } from '../jobs/outcome.js';
import { processorMs } from './processor-time.js';
import type { Answer, Question, Reply } from './questions.js';
import { memoryBound, residentBytes } from './resident-memory.js';
import { ProcessDied, Subprocess } from './subprocess.js';

const SCRIPT = new URL('./image-process.js', import.meta.url);
/** How often the process is looked at while it works. */
const WATCH_MS = 50;
/** By the clock a question may take so many times as long as of the processor: other threads go first. */
const SLOWNESS = 8;
/** What nobody waits for may go on for so long, which is less than a new process costs. */
const FAREWELL_MS = 250;
/** A process that keeps more than this between images gives way to a new one. */
const REST_BYTES = 300 * 2 ** 20;

/**
 * The process that decodes images for a worker thread, started anew whenever it was ended. It ends by itself when the
 * thread does, or the whole service.
 */
export class ImageChild {
  readonly #timeoutMs: number;
  readonly #bound: typeof memoryBound;
  #process: Subprocess<Question, Reply> | undefined;

  /**
   * @param timeoutMs of the processor that a question may take; the process does not outlive it. Where nobody tells
   *   what a process takes, it is by the clock.
   * @param bound the bytes of memory that a question may take.
   */
  constructor(timeoutMs: number, bound = memoryBound) {
    this.#timeoutMs = timeoutMs;
    this.#bound = bound;
  }

  /** Of the process, if there is one. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Ends the process; another question starts it again. */
  close(): void {
    this.#process?.end(new Error('closed'));
  }

  /** What a question may take by the clock, in milliseconds, of as much of the processor. */
  static longest(timeoutMs: number): number {
    return process.platform === 'linux' ? SLOWNESS * timeoutMs : timeoutMs;
  }

  /** Starts the process, unless it runs. @throws Error when it does not start */
  async start(): Promise<void> {
    await this.#alive();
  }

  /**
   * Asks a question; there is to be one at a time.
   * @param parts the image's file first, then what goes with the question.
   * @param abortFlag memory of one number, not 0 once the caller has left.
   * @throws SamError `image-unreadable`, `image-too-large`, and `inference-timeout` for a picture that takes too long, or
   *   anything that the machine is too busy for
   */
  async ask(
    question: Question,
    parts: readonly [file: Uint8Array, ...others: Uint8Array[]],
    abortFlag: Int32Array,
  ): Promise<{ answer: Answer; parts: readonly Uint8Array[] }> {
    const child = await this.#alive();
    const watch = this.#watch(child, question, this.#bound(parts, question.maxPixels), abortFlag);
    const longest = ImageChild.longest(this.#timeoutMs);
    const deadline = setTimeout(() => child.end(tooSlow(question)), longest);
    try {
      const { head, parts: made } = await child.ask(question, parts);
      if ('ready' in head) throw new Error('no answer to a question');
      if ('failed' in head) throw new Error(head.failed);
      return { answer: unwrap(head), parts: made };
    } catch (error) {
      if (!(error instanceof ProcessDied)) throw error;
      throw new SamError('image-unreadable', 'the image cannot be decoded', { cause: error });
    } finally {
      clearTimeout(deadline);
      clearInterval(watch);
      this.#afterwards(child);
    }
  }

  /** Ends the process when it takes too much, or goes on for nobody. */
  #watch(
    child: Subprocess<Question, Reply>,
    question: Question,
    mostBytes: number,
    abortFlag: Int32Array,
  ): NodeJS.Timeout {
    const { pid } = child;
    const before = processorMs(pid) ?? 0;
    let abortedAt: number | undefined;
    return setInterval(() => {
      if ((processorMs(pid) ?? 0) - before > this.#timeoutMs) child.end(tooLong(question));
      if (residentBytes(pid) > mostBytes) child.end(tooLarge());
      if (Atomics.load(abortFlag, 0) === 0) return;
      abortedAt ??= performance.now();
      if (performance.now() - abortedAt > FAREWELL_MS) child.end(new Error('the caller has left'));
    }, WATCH_MS);
  }

  /** Has a process ready for the next question, and one that keeps nothing of the last. */
  #afterwards(child: Subprocess<Question, Reply>): void {
    if (residentBytes(child.pid) > REST_BYTES) child.end(new Error('replaced'));
    if (child.dead) this.#process = new Subprocess(SCRIPT);
  }

  async #alive(): Promise<Subprocess<Question, Reply>> {
    // The thread sleeps between its tasks, and is told only now that the process is gone.
    await nextTurn();
    if (!this.#process || this.#process.dead) this.#process = new Subprocess(SCRIPT);
    await this.#process.ready;
    return this.#process;
  }
}

function tooLong({ kind }: Question): SamError {
  return kind === 'prepare'
    ? new SamError('image-unreadable', 'the image takes too long to decode')
    : new SamError('inference-timeout', 'the picture takes too long to draw');
}

/** It is not the image's fault where the processor was somebody else's all the time. */
function tooSlow(question: Question): SamError {
  if (process.platform !== 'linux') return tooLong(question);
  return new SamError('inference-timeout', 'the machine is too busy for the image');
}

function tooLarge(): SamError {
  return new SamError('image-unreadable', 'the image takes too much memory to decode');
}
