import { isAscii } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import secureJson from 'secure-json-parse';
import type { Account } from '../core/caller.js';
import { SamError } from '../core/errors.js';
import { declaredLength, readBody } from './body.js';

/** Deeper than any request of ours needs to be. */
const MAX_DEPTH = 16;
/** Some four times what 64 prompts of 256 points take. */
const MAX_VALUES = 250_000;
/** What a value takes at most beside its text: an object of its own, with its place in a table of names. */
const BYTES_PER_VALUE = 128;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** A body of JSON, of as many bytes as its route takes. @throws SamError as `readBody` and `parseJson` */
export async function readJson(
  { caller: { memory }, routeOptions: { bodyLimit }, headers }: FastifyRequest,
  payload: IncomingMessage,
): Promise<unknown> {
  const options = { name: 'the body', maxBytes: bodyLimit, expected: declaredLength(headers) };
  const text = await readBody(payload, memory, options);
  const value = parseJson(text, memory);
  memory.give('body', text.length);
  return value;
}

/**
 * Parses JSON that a stranger sent. How deep it nests and how much it holds is counted beforehand, since
 * the parser and every walk over its result take the time, the stack and the memory for all of it.
 * @param account books what the result may take.
 * @throws SamError `malformed-request`, also for keys that reach for a prototype; `payload-too-large`, `overloaded`
 */
function parseJson(text: Uint8Array, account: Account): unknown {
  if (text.length === 0) throw new SamError('malformed-request', 'the body is empty');
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  const { values, characters } = measure(bytes);
  // Once as text and, where it is all one string, once more as that string.
  account.take('json', values + 2 * characters);
  try {
    const value = secureJson.parse(bytes.toString('utf8'));
    account.give('json', characters);
    return value;
  } catch (cause) {
    throw new SamError('malformed-request', 'the body is not JSON', { cause });
  }
}

/**
 * A field of a form: JSON where its text is JSON, the text itself where it is not.
 * @throws SamError as `parseJson`, but for text that is no JSON
 */
export function parseField(text: Uint8Array, account: Account): unknown {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  const { values, characters } = measure(bytes);
  account.take('json', values + 2 * characters);
  const field = bytes.toString('utf8');
  try {
    return secureJson.parse(field);
  } catch (cause) {
    if (!(cause instanceof Error) || !/prototype/.test(cause.message)) return field;
    throw new SamError('malformed-request', 'a field reaches for a prototype', { cause });
  }
}

/** Bytes that the values of a text take at most when they are parsed, and its characters as a string. */
function measure(text: Buffer): { values: number; characters: number } {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] as number;
    if (byte === QUOTE) at = endOfString(text, at);
    else if (byte === COMMA) values++;
    else if (OPENING.has(byte)) {
      depth++;
      values++;
    } else if (CLOSING.has(byte)) depth--;
    if (depth > MAX_DEPTH) {
      throw new SamError('malformed-request', `JSON may nest ${MAX_DEPTH} levels deep`);
    }
    if (values > MAX_VALUES) {
      throw new SamError('payload-too-large', `JSON may hold ${MAX_VALUES} values`);
    }
  }
  const characters = text.length * (isAscii(text) ? 1 : 2);
  return { values: values * BYTES_PER_VALUE, characters };
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
