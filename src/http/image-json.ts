import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { parseJson, readJsonText } from './json.js';

/** A string that is longer is left as the bytes it came as: making it a string would hold the event loop. */
const LONG_STRING = 2 ** 18;
const [QUOTE, BACKSLASH] = [0x22, 0x5c];

declare module 'fastify' {
  interface FastifyRequest {
    /** A string of the body that was too long to become one, and what stands in its place. */
    longString: { readonly name: string; readonly bytes: Buffer } | undefined;
  }
}

/** A JSON body that may have an image in it, of which that stays as it came. @throws SamError as `readJson` */
export async function readImageJson(
  request: FastifyRequest,
  payload: IncomingMessage,
): Promise<unknown> {
  const { bytes, values } = await readJsonText(request, payload);
  const { memory } = request.caller;
  const at = longString(bytes);
  if (!at) return parseJson({ bytes, values }, memory);
  const name = randomUUID();
  request.longString = { name, bytes: bytes.subarray(at.start, at.end) };
  const parts = [bytes.subarray(0, at.start), Buffer.from(name), bytes.subarray(at.end)];
  return parseJson({ bytes: Buffer.concat(parts), values }, memory);
}

/** Where the first long string begins and ends, without its quotes. */
function longString(bytes: Buffer): { start: number; end: number } | undefined {
  for (let start = bytes.indexOf(QUOTE) + 1; start > 0; ) {
    let end = bytes.indexOf(QUOTE, start);
    while (end > 0 && isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1);
    if (end < 0) return undefined;
    if (end - start > LONG_STRING) return { start, end };
    start = bytes.indexOf(QUOTE, end + 1) + 1;
  }
  return undefined;
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let slashes = 0;
  while (bytes[at - 1 - slashes] === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
