import { isAscii } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import secureJson from 'secure-json-parse';
import type { Account } from '../../core/caller.js';
import { SamError } from '../../core/errors.js';
import { jsonFault } from './json-fault.js';
import { JsonMeasure } from './json-measure.js';
import { withoutNulls } from './nulls.js';
import { type BodyOptions, declaredLength, readBody } from './reading/body.js';

/** What a value takes at most beside its text: an object of its own, with its place in a table of names. */
const BYTES_PER_VALUE = 128;

/** JSON as it came, and how many values it holds. */
export interface JsonText {
  readonly bytes: Buffer;
  readonly values: number;
}

/** A body of JSON, of as many bytes as its route takes. @throws SamError as `readJsonText` and `parseJson` */
export async function readJson(
  request: FastifyRequest,
  payload: IncomingMessage,
): Promise<unknown> {
  const { memory } = request.caller;
  const text = await readJsonText(request, payload);
  const value = parseJson(text, memory);
  memory.give('body', text.bytes.length);
  return value;
}

/** The text of a JSON body. @throws SamError as `readBody` and `JsonMeasure.add`, as soon as it is known */
export async function readJsonText(
  { caller: { memory }, routeOptions: { bodyLimit }, headers }: FastifyRequest,
  payload: IncomingMessage,
): Promise<JsonText> {
  const measure = new JsonMeasure();
  const options: BodyOptions = {
    name: 'the body',
    maxBytes: bodyLimit,
    expected: declaredLength(headers),
    onChunk: (chunk) => measure.add(chunk),
  };
  const bytes = await readBody(payload, memory, options);
  if (bytes.length === 0) throw new SamError('malformed-request', 'the body is empty');
  return { bytes: asBuffer(bytes), values: measure.values };
}

/**
 * Parses JSON that a stranger sent, without the members that are null.
 * @param account books what the result may take.
 * @throws SamError `malformed-request`, also for keys that reach for a prototype; `overloaded`
 */
export function parseJson({ bytes, values }: JsonText, account: Account): unknown {
  const characters = charactersOf(bytes);
  // Once as text and, where it is all one string, once more as that string.
  account.take('json', values * BYTES_PER_VALUE + 2 * characters);
  const text = bytes.toString('utf8');
  try {
    const value = withoutNulls(secureJson.parse(text));
    account.give('json', characters);
    return value;
  } catch (cause) {
    const message = reachesForPrototype(cause)
      ? `the body ${PROTOTYPE}`
      : `the body is not JSON: ${jsonFault(text)}`;
    throw new SamError('malformed-request', message, { cause });
  }
}

const PROTOTYPE = 'reaches for a prototype: leave out __proto__ and constructor.prototype';

function reachesForPrototype(error: unknown): boolean {
  return error instanceof Error && /prototype/.test(error.message);
}

/**
 * A field of a form: JSON where its text is JSON, the text itself where it is not.
 * @throws SamError as `parseJson`, but for text that is no JSON
 */
export function parseField(text: Uint8Array, values: number, account: Account): unknown {
  const bytes = asBuffer(text);
  account.take('json', values * BYTES_PER_VALUE + 2 * charactersOf(bytes));
  const field = bytes.toString('utf8');
  try {
    return withoutNulls(secureJson.parse(field));
  } catch (cause) {
    if (!reachesForPrototype(cause)) return field;
    throw new SamError('malformed-request', `a field ${PROTOTYPE}`, { cause });
  }
}

/** Bytes of a text as a string. */
function charactersOf(bytes: Buffer): number {
  return bytes.length * (isAscii(bytes) ? 1 : 2);
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, length);
}
