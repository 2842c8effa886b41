import { CLOCK, type Clock } from '../core/clock.js';

/** Questions in a row that got no answer in time, after which none is asked for a while. */
const TOLERATED = 3;
const REST_MS = 1000;

/** What became of a question. */
export type Answered = 'answered' | 'timeout' | 'unreachable' | 'refused' | 'skipped';

export interface GuardOptions {
  readonly timeoutMs: number;
  /** @param command in a word. @param reason why there is no answer. */
  readonly onAsked?: (command: string, how: Answered, ms: number, reason: string) => void;
  readonly clock?: Clock;
}

/** A question to Redis that got no answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly how: Answered;

  constructor(how: Answered, reason: string) {
    super(reason);
    this.how = how;
  }
}

/**
 * Asks Redis, and waits no longer than so long. One that hangs is let alone for a second at a time, so that requests
 * pass it by and no values pile up before it.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #clock: Clock;
  #late = 0;
  #restUntil = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#clock = options.clock ?? CLOCK;
  }

  /** @returns undefined where there is no answer */
  async ask<T>(
    command: string,
    question: () => Promise<T>,
    timeoutMs = this.#options.timeoutMs,
  ): Promise<T | undefined> {
    try {
      return await this.insist(command, question, timeoutMs);
    } catch {
      return undefined;
    }
  }

  /** @throws NoAnswer */
  async insist<T>(
    command: string,
    question: () => Promise<T>,
    timeoutMs = this.#options.timeoutMs,
  ): Promise<T> {
    const start = this.#clock.now();
    const told = (how: Answered, reason = '') => {
      this.#options.onAsked?.(command, how, this.#clock.now() - start, reason);
      return new NoAnswer(how, reason);
    };
    if (start < this.#restUntil) throw told('skipped', 'it did not answer a moment ago');
    try {
      const answer = await this.#inTime(question(), timeoutMs);
      this.#late = 0;
      told('answered');
      return answer;
    } catch (error) {
      if (error instanceof NoAnswer) {
        this.#late++;
        if (this.#late >= TOLERATED) this.#restUntil = this.#clock.now() + REST_MS;
        throw told('timeout', error.message);
      }
      // An answer all the same: that it is out of memory, or that this is not allowed.
      const { name, message } = error as Error;
      throw told(name === 'ReplyError' ? 'refused' : 'unreachable', message);
    }
  }

  async #inTime<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
    let callOff = () => {};
    const late = new Promise<never>((_, reject) => {
      const reason = `no answer in ${timeoutMs} ms`;
      // It may lie there unread: a process that was busy itself looks before it blames Redis.
      const give = () => setImmediate(() => reject(new NoAnswer('timeout', reason)));
      callOff = this.#clock.after(timeoutMs, give);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      callOff();
      answer.catch(() => {});
    }
  }
}
