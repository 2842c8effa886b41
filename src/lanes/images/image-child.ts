import { setImmediate as nextTurn } from 'node:timers/promises';
import { SamError } from '../../core/errors.js';
import { unwrap } from '../outcome.js';
import type { Answer, Question, Reply } from './questions.js';
import { memoryBound, residentBytes } from './resident-memory.js';
import { ProcessDied, Subprocess } from './subprocess.js';

const SCRIPT = new URL('./image-process.js', import.meta.url);
/** How often the process is looked at while it works. */
const WATCH_MS = 50;
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
   * @param timeoutMs that a question may take; the process does not outlive it.
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

  /** Starts the process, unless it runs. @throws Error when it does not start */
  async start(): Promise<void> {
    await this.#alive();
  }

  /**
   * Asks a question; there is to be one at a time.
   * @param parts the image's file first, then what goes with the question.
   * @param left memory of one number, not 0 once the caller has left.
   * @throws SamError `image-unreadable`, `image-too-large`, and `inference-timeout` for a picture that takes too long
   */
  async ask(
    question: Question,
    parts: readonly [file: Uint8Array, ...others: Uint8Array[]],
    left: Int32Array,
  ): Promise<{ answer: Answer; parts: readonly Uint8Array[] }> {
    const child = await this.#alive();
    const watch = this.#watch(child, this.#bound(parts, question.maxPixels), left);
    const deadline = setTimeout(() => child.end(tooLong(question)), this.#timeoutMs);
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

  /** Ends the process when it takes too much memory, or goes on for nobody. */
  #watch(child: Subprocess<Question, Reply>, mostBytes: number, left: Int32Array): NodeJS.Timeout {
    let leftAt: number | undefined;
    return setInterval(() => {
      if (residentBytes(child.pid) > mostBytes) {
        child.end(new SamError('image-unreadable', 'the image takes too much memory to decode'));
      }
      if (Atomics.load(left, 0) === 0) return;
      leftAt ??= performance.now();
      if (performance.now() - leftAt > FAREWELL_MS) child.end(new Error('the caller has left'));
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
