import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import {
  type BrotliDecompress,
  createBrotliDecompress,
  createGunzip,
  type Gunzip,
} from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { SamError } from '../../../core/errors.js';
import type { Server } from '../../context.js';
import { whenOver } from '../../hooks/request-end.js';
import { encodingOf } from './body.js';

/** How bodies may be packed, and the memory that unpacking takes: the window that its copies reach back to. */
const ENCODINGS = new Map([
  ['gzip', { open: createGunzip, windowBytes: 64 * 1024 }],
  ['br', { open: createBrotliDecompress, windowBytes: 16 * 2 ** 20 }],
]);
const ACCEPTED = [...ENCODINGS.keys()].join(', ');
/** By how much more may come in than has come out: nothing grows when it is packed, but for its header. */
const MAX_SURPLUS = 2 ** 20;
/** What a form may hold beside its image, with room to spare. */
const FORM_BYTES = 32 * 2 ** 20;
declare module 'fastify' {
  interface FastifyRequest {
    /** The body as its parsers read it, where it came packed. */
    unpacked: (Readable & Pick<IncomingMessage, 'headers'>) | undefined;
  }
}

/**
 * Unpacks bodies of a known `Content-Encoding` before any parser reads them, in threads of Node.js, and no faster than
 * they are read: all limits hold for what comes out.
 * @param maxImageBytes of one image. What comes out in all has a bound beside those of the routes: a form reads past
 *   what it refuses.
 */
export function unpackBodies(server: Server, maxImageBytes: number): void {
  server.decorateRequest('unpacked');
  server.addHook('preParsing', async (request, reply, payload) => {
    const { raw, headers, is404, caller } = request;
    const name = encodingOf(headers);
    const isEmpty = headers['content-length'] === '0' || !hasBody(headers);
    if (is404 || name === undefined || isEmpty) return payload;
    const encoding = ENCODINGS.get(name);
    if (!encoding) {
      reply.header('accept-encoding', ACCEPTED);
      const message = `the content-encoding is none that is accepted: send the body as it is, or as one of ${ACCEPTED}`;
      throw new SamError('unsupported-media-type', message);
    }
    caller.memory.take('body', encoding.windowBytes);
    const decoder = encoding.open();
    decoder.once('close', () => caller.memory.give('body', encoding.windowBytes));
    whenOver(raw, reply.raw, () => decoder.destroy());
    const pieces = unpack(raw, decoder, name, 2 * maxImageBytes + FORM_BYTES);
    const unpacked = Object.assign(Readable.from(pieces, { objectMode: false }), { headers });
    // The reader gets its errors; they may also come when nothing reads any more.
    unpacked.on('error', () => {});
    request.unpacked = unpacked;
    return unpacked;
  });
}

/** The request as the plugin for forms may read it, which takes the connection's own stream. */
export function withUnpacked(request: FastifyRequest): FastifyRequest {
  const { unpacked } = request;
  return unpacked ? Object.create(request, { raw: { value: unpacked } }) : request;
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
}

/**
 * What a body unpacks to, piece by piece.
 * @throws SamError `malformed-request` for one that is damaged, cut off, followed by something else, or that comes to
 *   nothing; `payload-too-large`
 */
async function* unpack(
  raw: Readable,
  decoder: Gunzip | BrotliDecompress,
  name: string,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  let [received, made] = [0, 0];
  raw.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > made + MAX_SURPLUS) decoder.destroy(malformed('unpacks to less than itself'));
  });
  raw.on('error', (error) => decoder.destroy(error));
  raw.pipe(decoder);
  try {
    for await (const piece of decoder as AsyncIterable<Buffer>) {
      made += piece.length;
      if (made > maxBytes) {
        throw new SamError('payload-too-large', `the body unpacks to more than ${maxBytes} bytes`);
      }
      yield piece;
    }
  } catch (cause) {
    if (cause instanceof SamError) throw cause;
    throw malformed(
      `is no ${name}, as its content-encoding says it is, or damaged or cut off`,
      cause,
    );
  }
  // Without more to unpack, it ends before the request does, or leaves the rest.
  if (decoder.bytesWritten < received) throw malformed(`goes on after the end of its ${name}`);
}

function malformed(what: string, cause?: unknown): SamError {
  return new SamError('malformed-request', `the body ${what}`, { cause });
}
