import { closeSync, readSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { openRegularFile } from './regular-file.js';

/** ViT-H takes 2.6 GB, and six times that in 64 bits with an optimizer's state. */
export const LARGEST_CHECKPOINT = 64 * 2 ** 30;

/** A file that is read piece by piece, each piece inside its bounds. */
export class CheckpointFile {
  /** The folder it is in, and its name there. */
  readonly folder: string;
  readonly name: string;
  readonly size: number;
  readonly #descriptor: number;

  /** @throws Error when the path cannot be opened, or is no file. */
  constructor(path: string) {
    this.folder = dirname(path);
    this.name = basename(path);
    const { descriptor, size } = openRegularFile(path, LARGEST_CHECKPOINT);
    this.#descriptor = descriptor;
    this.size = size;
  }

  /** @throws Error when the file ends before `offset + length`. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (!this.holds(offset, length)) {
      throw new Error(`bytes ${offset} to ${offset + length} are outside of its ${this.size}`);
    }
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = readSync(this.#descriptor, bytes, done, length - done, offset + done);
      if (count === 0)
        throw new Error(`it was cut short at byte ${offset + done} while being read`);
      done += count;
    }
    return bytes;
  }

  /** Whether a range lies inside the file. */
  holds(offset: number, length: number): boolean {
    return (
      Number.isSafeInteger(offset) &&
      Number.isSafeInteger(length) &&
      offset >= 0 &&
      length >= 0 &&
      offset + length <= this.size
    );
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
