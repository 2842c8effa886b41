import type { OnBytes } from '../progress.js';

interface Download {
  readonly loaded: number;
  readonly total: number | undefined;
}

/** How much of several downloads is here. */
export class Downloads {
  readonly #all = new Map<string, Download>();
  #onFraction: ((fraction: number) => void) | undefined;

  /** @returns what is to be told of the download of that name. */
  add(name: string): OnBytes {
    return (loaded, total) => {
      this.#all.set(name, { loaded, total });
      this.#tell();
    };
  }

  /**
   * Tells the share of what is under way and of what begins, until the function it returns is called; nothing as long as
   * one does not say how long it is.
   */
  watch(onFraction: (fraction: number) => void): () => void {
    for (const [name, { loaded, total }] of this.#all) {
      if (loaded === total) this.#all.delete(name);
    }
    this.#onFraction = onFraction;
    return () => {
      this.#onFraction = undefined;
    };
  }

  #tell(): void {
    let [here, whole] = [0, 0];
    for (const { loaded, total } of this.#all.values()) {
      here += loaded;
      whole += total ?? Number.NaN;
    }
    if (whole > 0) this.#onFraction?.(here / whole);
  }
}
