import { SamError } from '../core/errors.js';

/** Deeper than any request of ours needs to be. */
const MAX_DEPTH = 16;
/** Some five times what 64 prompts of 256 points take. */
const MAX_VALUES = 250_000;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Counts how deep JSON nests and how much it holds, as it arrives: the parser and every walk over its result take the
 * time, the stack and the memory for all of it.
 */
export class JsonMeasure {
  /** Values, or more: each comma and each bracket stands for one. */
  values = 1;
  #depth = 0;
  #inString = false;
  /** Whether the last byte was a backslash that takes the next with it. */
  #escapes = false;

  /** @throws SamError `malformed-request` when it nests too deep, `payload-too-large` when it holds too much */
  add(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at++) {
      if (this.#inString) {
        at = this.#skipString(chunk, at);
        continue;
      }
      const byte = chunk[at] as number;
      if (byte === QUOTE) this.#inString = true;
      else if (byte === COMMA) this.values++;
      else if (OPENING.has(byte)) {
        this.values++;
        this.#depth++;
      } else if (CLOSING.has(byte)) this.#depth--;
      if (this.#depth > MAX_DEPTH) {
        throw new SamError('malformed-request', `JSON may nest ${MAX_DEPTH} levels deep`);
      }
      if (this.values > MAX_VALUES) {
        throw new SamError('payload-too-large', `JSON may hold ${MAX_VALUES} values`);
      }
    }
  }

  /** Strings may be megabytes of base64: their end is searched for, not walked to. @returns the last byte passed */
  #skipString(chunk: Uint8Array, from: number): number {
    let at = this.#escapes ? from + 1 : from;
    this.#escapes = false;
    for (;;) {
      const end = chunk.indexOf(QUOTE, at);
      const stop = end < 0 ? chunk.length : end;
      let slashes = 0;
      while (stop - 1 - slashes >= at && chunk[stop - 1 - slashes] === BACKSLASH) slashes++;
      if (end < 0) {
        this.#escapes = slashes % 2 === 1 || at > chunk.length;
        return chunk.length;
      }
      if (slashes % 2 === 0) {
        this.#inString = false;
        return end;
      }
      at = end + 1;
    }
  }
}
