import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { OperatorError } from '../core/errors.js';
import type { SkipReason } from '../labels/skipped.js';
import type { ShownObject } from './worst.js';

/** What became of the objects of one image with one model. */
export interface JournalEntry {
  readonly model: string;
  readonly image: string;
  readonly objects?: readonly ShownObject[];
  /** Why it could not be used. */
  readonly fault?: { readonly reason: SkipReason; readonly message: string };
}

/**
 * What is measured already, one line an image, so that an evaluation that is broken off goes on where it was. The first line
 * says of which evaluation it is.
 */
export class Journal {
  readonly #path: string | undefined;
  readonly #entries = new Map<string, JournalEntry>();

  /**
   * @param path undefined keeps none. @param identity all that decides what is measured.
   * @throws OperatorError when the file is another evaluation's
   */
  constructor(path: string | undefined, identity: string) {
    this.#path = path;
    if (!path) return;
    const head = `${JSON.stringify({ journal: 1, identity })}\n`;
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    // The last line may be cut off, where the process was.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole !== '' && !whole.startsWith(head)) {
      const message = 'is what another evaluation has begun, of other data or another model';
      throw new OperatorError(`${path} ${message}: delete it, or write to another file`);
    }
    if (whole === '') writeFileSync(path, head);
    else if (whole.length < text.length) writeFileSync(path, whole);
    for (const line of whole.slice(head.length).split('\n').slice(0, -1)) {
      const entry = JSON.parse(line) as JournalEntry;
      this.#entries.set(keyOf(entry), entry);
    }
  }

  /** Images that it has, once for each model. */
  get size(): number {
    return this.#entries.size;
  }

  find(model: string, image: string): JournalEntry | undefined {
    return this.#entries.get(keyOf({ model, image }));
  }

  add(entry: JournalEntry): void {
    if (this.#path) appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
  }

  /** Once the results are written. */
  remove(): void {
    if (this.#path) rmSync(this.#path, { force: true });
  }
}

function keyOf({ model, image }: Pick<JournalEntry, 'model' | 'image'>): string {
  return JSON.stringify([model, image]);
}
