import type { LabelledObject } from './labelled-object.js';

export type SkipReason =
  | 'annotation is broken'
  | 'image is missing'
  | 'image is unreadable'
  | 'image has another size'
  | 'is a crowd'
  | 'is there twice'
  | 'box is out of range'
  | 'mask is unreadable'
  | 'mask is empty'
  | 'mask has one pixel'
  | 'mask is too thin'
  | 'mask covers the image';

/** Of each reason so many are told one by one, the rest are counted. */
const TOLD = 20;

/** What of the data cannot be used, and why. */
export class Skipped {
  readonly #all = new Map<SkipReason, { count: number; examples: string[] }>();
  readonly #names = new Set<string>();

  /** @param what of the data, and what is wrong with it. @param count of objects that are lost by it. */
  add(reason: SkipReason, what: string, count = 1): void {
    const told = this.#all.get(reason) ?? { count: 0, examples: [] };
    told.count += count;
    if (told.examples.length < TOLD) told.examples.push(what);
    this.#all.set(reason, told);
  }

  /** As `add`, but for a file that may be met again. @param name of it. */
  once(name: string, ...[reason, what, count]: Parameters<Skipped['add']>): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    this.add(reason, what, count);
  }

  /** Counts what `use` of one object throws. @throws whatever is no LabelFault */
  attempt(what: string, use: () => void): void {
    try {
      use();
    } catch (fault) {
      this.note(fault, what);
    }
  }

  /** Counts a fault of one object. @throws whatever is no LabelFault */
  note(fault: unknown, what: string): void {
    if (!(fault instanceof LabelFault)) throw fault;
    this.add(fault.reason, `${what}: ${fault.message}`);
  }

  /** Of all reasons together. */
  get count(): number {
    return [...this.#all.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** Each reason with its objects, the first of them by name; in the order in which they were met. */
  get reasons(): { reason: SkipReason; count: number; examples: readonly string[] }[] {
    return [...this.#all].map(([reason, told]) => ({ reason, ...told }));
  }
}

/** Data to evaluate or to train on: what can be used, image by image, and what cannot. */
export interface Labels {
  readonly objects: readonly LabelledObject[];
  readonly skipped: Skipped;
}

/** What is wrong with one object. */
export class LabelFault extends Error {
  readonly reason: SkipReason;

  constructor(reason: SkipReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
