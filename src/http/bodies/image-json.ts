import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest, FastifySchema, FastifySchemaCompiler } from 'fastify';
import type { Static } from 'typebox';
import type { ImageFile } from '../../core/image.js';
import type { RemoteImages } from '../../core/ports.js';
import type { Server } from '../context.js';
import type { ImageJson } from '../schemas/requests.js';
import { parseJson, readJsonText } from './json.js';
import type { Uploads } from './uploads.js';

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
async function readImageJson(request: FastifyRequest, payload: IncomingMessage): Promise<unknown> {
  const { bytes, values } = await readJsonText(request, payload);
  const { memory } = request.caller;
  const at = longString(bytes);
  if (!at) return parseJson({ bytes, values }, memory);
  const name = randomUUID();
  request.longString = { name, bytes: bytes.subarray(at.start, at.end) };
  const parts = [bytes.subarray(0, at.start), Buffer.from(name), bytes.subarray(at.end)];
  return parseJson({ bytes: Buffer.concat(parts), values }, memory);
}

/**
 * The image that such a body names, read.
 * @throws SamError what `Uploads.decode`, `Uploads.receive` and `RemoteImages.read` throw
 */
export function receiveNamed(
  { base64, url = '' }: Static<typeof ImageJson>['image'],
  { caller, longString }: FastifyRequest,
  uploads: Uploads,
  remote: RemoteImages,
): Promise<ImageFile> {
  if (base64 === undefined) {
    return remote.read(url, (bytes) => uploads.receive(bytes, caller), caller.signal);
  }
  // What is short has no escapes any more, nor any character of base64 that could be taken for one.
  const text = base64 === longString?.name ? longString.bytes : Buffer.from(base64);
  return uploads.decode(text, caller);
}

/** Takes JSON with an image on the routes of a scope. */
export function takeImageJson(scope: Server): void {
  scope.decorateRequest('longString');
  scope.removeContentTypeParser('application/json');
  scope.addContentTypeParser('application/json', readImageJson);
}

/**
 * For routes that take other bodies beside JSON: those stand in the document, and are checked by the code
 * that receives them.
 */
export function jsonBodiesOnly(server: Server): FastifySchemaCompiler<FastifySchema> {
  return (part) => {
    const { contentType = 'application/json' } = part as { contentType?: string };
    if (contentType !== 'application/json') return () => true;
    if (!server.validatorCompiler) throw new Error('the server is not ready');
    return server.validatorCompiler(part);
  };
}

/** Bytes of JSON with an image of so many bytes, and as many beside it: base64 takes four characters for three bytes. */
export function imageJsonLimit(imageBytes: number, beside: number): number {
  return Math.ceil((imageBytes * 4) / 3) + beside;
}

/** Where the first long string of the name `base64` begins and ends, without its quotes: a `mask_input` is none. */
function longString(bytes: Buffer): { start: number; end: number } | undefined {
  for (let start = bytes.indexOf(QUOTE) + 1; start > 0; ) {
    let end = bytes.indexOf(QUOTE, start);
    while (end > 0 && isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1);
    if (end < 0) return undefined;
    if (end - start > LONG_STRING && isImage(bytes, start)) return { start, end };
    start = bytes.indexOf(QUOTE, end + 1) + 1;
  }
  return undefined;
}

/** Bytes before a string in which its name is looked for, with space around the colon. */
const NAME_BYTES = 64;

function isImage(bytes: Buffer, start: number): boolean {
  const before = bytes.toString('latin1', Math.max(0, start - NAME_BYTES), start);
  return /"base64"\s*:\s*"$/.test(before);
}

function isEscaped(bytes: Buffer, at: number): boolean {
  let slashes = 0;
  while (bytes[at - 1 - slashes] === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
