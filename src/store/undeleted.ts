/** Deletions remembered one by one; about 200 bytes each. */
const MAX_REMEMBERED = 10_000;

/** Files that were to be deleted and could not be: as long as this process lives, nobody gets what is in them. */
export class Undeleted {
  readonly #max: number;
  readonly #paths = new Set<string>();
  #beyond = false;

  /** @param max where it is passed, no file is trusted any more, since those that are not to be read are not known. */
  constructor(max = MAX_REMEMBERED) {
    this.#max = max;
  }

  has(path: string): boolean {
    return this.#beyond || this.#paths.has(path);
  }

  add(path: string): void {
    if (this.#paths.size < this.#max) this.#paths.add(path);
    else if (!this.#paths.has(path)) this.#beyond = true;
  }

  /** To be called when the file is gone, or another stands in its place. */
  forget(path: string): void {
    this.#paths.delete(path);
  }
}
