import { untilAborted } from './until-aborted.js';

/** One thing after the other, in the order they were asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does nothing once the signal is aborted, if its turn had not come. @throws the signal's reason */
  take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = this.#last.then(() => {
      signal?.throwIfAborted();
      return work();
    });
    this.#last = turn.catch(() => undefined);
    return untilAborted(turn, signal);
  }
}
