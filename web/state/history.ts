import { type ReadonlySignal, signal } from '@preact/signals';

/** States that may be gone back to. */
const LONGEST = 200;

/** What a value was before, and what it was before that was undone. */
export class History<T> {
  readonly #present;
  readonly #past = signal<readonly T[]>([]);
  readonly #future = signal<readonly T[]>([]);

  constructor(first: T) {
    this.#present = signal(first);
  }

  get present(): ReadonlySignal<T> {
    return this.#present;
  }

  get undoable(): boolean {
    return this.#past.value.length > 0;
  }

  get redoable(): boolean {
    return this.#future.value.length > 0;
  }

  /** A step that can be undone. */
  push(next: T): void {
    this.#past.value = [...this.#past.value, this.#present.value].slice(-LONGEST);
    this.#future.value = [];
    this.#present.value = next;
  }

  /** What is no step of its own: a choice, a name. */
  replace(next: T): void {
    this.#present.value = next;
  }

  undo(): void {
    const previous = this.#past.value.at(-1);
    if (previous === undefined) return;
    this.#past.value = this.#past.value.slice(0, -1);
    this.#future.value = [this.#present.value, ...this.#future.value];
    this.#present.value = previous;
  }

  redo(): void {
    const [next, ...later] = this.#future.value;
    if (next === undefined) return;
    this.#future.value = later;
    this.#past.value = [...this.#past.value, this.#present.value];
    this.#present.value = next;
  }

  reset(first: T): void {
    this.#past.value = [];
    this.#future.value = [];
    this.#present.value = first;
  }
}
