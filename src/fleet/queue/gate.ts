/** Lets work through side by side, or one alone. Who is to be alone waits for all before, and all after for it. */
export class Gate {
  #last: Promise<unknown> = Promise.resolve();
  #beside: Promise<unknown>[] = [];

  beside<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#beside.push(result.catch(() => {}));
    return result;
  }

  alone<T>(work: () => Promise<T>): Promise<T> {
    const before = [this.#last, ...this.#beside];
    this.#beside = [];
    const result = Promise.all(before).then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
