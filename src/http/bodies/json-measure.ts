import { SamError } from '../../core/errors.js';

/** Deeper than any request of ours needs to be. */
const MAX_DEPTH = 16;
/** Some five times what 64 prompts of 256 points take. */
const MAX_VALUES = 250_000;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OTHER, STRING, COMMA, OPENING, CLOSING] = [0, 1, 2, 3, 4];
/** What each byte is outside of strings: a table, as every byte that anybody sends is looked up in it. */
const KINDS = new Uint8Array(256);
for (const [characters, kind] of [
  ['"', STRING],
  [',', COMMA],
  ['[{', OPENING],
  [']}', CLOSING],
] as const) {
  for (const character of characters) KINDS[character.charCodeAt(0)] = kind;
}

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
    const { length } = chunk;
    for (let at = 0; at < length; at++) {
      if (this.#inString) {
        at = this.#skipString(chunk, at);
        continue;
      }
      const kind = KINDS[chunk[at] as number];
      if (kind !== OTHER) this.#count(kind as number);
    }
  }

  #count(kind: number): void {
    if (kind === STRING) this.#inString = true;
    else if (kind === CLOSING) this.#depth--;
    else this.values++;
    if (kind === OPENING) this.#depth++;
    if (this.#depth > MAX_DEPTH) {
      throw new SamError('malformed-request', `JSON may nest ${MAX_DEPTH} levels deep`);
    }
    if (this.values > MAX_VALUES) {
      throw new SamError('payload-too-large', `JSON may hold ${MAX_VALUES} values`);
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
