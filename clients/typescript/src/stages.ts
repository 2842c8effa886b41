import type { OnProgress, Stage } from './progress.js';

/** Tells how a call gets on: one stage after the other, each with its time. */
export class Stages {
  readonly #onProgress: OnProgress | undefined;
  readonly #start = performance.now();
  #stage: { readonly name: Stage; readonly start: number } | undefined;

  constructor(onProgress: OnProgress | undefined) {
    this.#onProgress = onProgress;
  }

  /** Ends the stage that was, if one was. */
  begin(name: Stage): void {
    this.end();
    this.#stage = { name, start: performance.now() };
    this.#onProgress?.({ stage: name, ms: 0, done: false });
  }

  /** @param fraction of the stage that is done, from 0 to 1. */
  at(fraction: number): void {
    if (!this.#stage) return;
    const { name, start } = this.#stage;
    this.#onProgress?.({ stage: name, fraction, ms: performance.now() - start, done: false });
  }

  end(): void {
    if (!this.#stage) return;
    const { name, start } = this.#stage;
    this.#stage = undefined;
    this.#onProgress?.({ stage: name, ms: performance.now() - start, done: true });
  }

  ready(): void {
    this.end();
    this.#onProgress?.({ stage: 'ready', ms: performance.now() - this.#start, done: true });
  }
}
