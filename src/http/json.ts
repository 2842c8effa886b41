import secureJson from 'secure-json-parse';
import { SamError } from '../core/errors.js';

/** Deeper than any request of ours needs to be. */
const MAX_DEPTH = 16;
/** Some four times what 64 prompts of 256 points take. */
const MAX_VALUES = 250_000;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Parses JSON that a stranger sent. How deep it nests and how much it holds is counted beforehand, since
 * the parser and every walk over its result take the time and the stack for all of it.
 * @throws SamError `malformed-request`, also for keys that reach for a prototype; `payload-too-large`
 */
export function parseJson(text: Buffer): unknown {
  if (text.length === 0) throw new SamError('malformed-request', 'the body is empty');
  measure(text);
  try {
    return secureJson.parse(text.toString('utf8'));
  } catch (cause) {
    throw new SamError('malformed-request', 'the body is not JSON', { cause });
  }
}

/**
 * A field of a form: JSON where its text is JSON, the text itself where it is not.
 * @throws SamError as `parseJson`, but for text that is no JSON
 */
export function parseField(text: string): unknown {
  measure(Buffer.from(text));
  try {
    return secureJson.parse(text);
  } catch (cause) {
    if (!(cause instanceof Error) || !/prototype/.test(cause.message)) return text;
    throw new SamError('malformed-request', 'a field reaches for a prototype', { cause });
  }
}

function measure(text: Buffer): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] as number;
    if (byte === QUOTE) at = endOfString(text, at);
    else if (byte === COMMA) values++;
    else if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte)) depth--;
    if (depth > MAX_DEPTH) {
      throw new SamError('malformed-request', `JSON may nest ${MAX_DEPTH} levels deep`);
    }
    if (values > MAX_VALUES) {
      throw new SamError('payload-too-large', `JSON may hold ${MAX_VALUES} values`);
    }
  }
}

/** Strings may be megabytes of base64: their end is searched for, not walked to. */
function endOfString(text: Buffer, start: number): number {
  for (let end = text.indexOf(QUOTE, start + 1); end > 0; end = text.indexOf(QUOTE, end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}
