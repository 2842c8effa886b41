import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PIECE_BYTES, piecesOf } from '../answers/pieces.js';
import type { Server } from '../context.js';
import { whenOver } from './request-end.js';

const LOOK_EVERY_MS = 1000;

/** How clients must read their answers. */
export interface ReadingLimits {
  /** How long a client may take nothing. */
  readonly stallMs: number;
  /** Bytes a second that it must take on average, once it has been waited for as long. */
  readonly minRate: number;
}

/**
 * Books every answer until its client has taken it, sends long ones in pieces, no faster than they are read, and ends
 * connections whose clients do not read.
 */
export function watchReading(server: Server, limits: ReadingLimits): void {
  server.addHook('onSend', async (request, reply, payload) => {
    if (payload === null || payload === undefined || request.method === 'HEAD') return payload;
    // A refusal must reach its client when memory is short, then most of all.
    if (reply.statusCode >= 400) return payload;
    const account = request.caller.memory;
    if (payload instanceof Readable) return pace(payload, request, reply, limits);
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : (payload as Uint8Array);
    if (bytes.length > PIECE_BYTES) {
      reply.header('content-length', bytes.length);
      return pace(Readable.from([bytes]), request, reply, limits);
    }
    account.take('answer', bytes.length);
    const late = setInterval(() => {
      // An answer behind others of its connection is not its client's to read yet.
      if (reply.raw.socket) request.raw.socket.destroy();
    }, limits.stallMs).unref();
    whenOver(request.raw, reply.raw, () => clearInterval(late));
    account.awaitClient(() => request.raw.socket.destroy());
    return bytes;
  });
}

/** The source as a stream that is ended when its client reads too slowly. */
function pace(
  source: AsyncIterable<unknown>,
  { caller: { memory: account }, raw }: FastifyRequest,
  reply: FastifyReply,
  { stallMs, minRate }: ReadingLimits,
): Readable {
  let sent = 0;
  /** Milliseconds of waiting for the client, before the current wait. */
  let waited = 0;
  let since: number | undefined;
  const look = setInterval(() => {
    if (since === undefined) return;
    // An answer behind others of its connection is not its client's to read yet.
    if (!reply.raw.socket) since = performance.now();
    const waits = performance.now() - since;
    const all = waited + waits;
    if (waits > stallMs || (all > stallMs && (sent / all) * 1000 < minRate)) raw.socket.destroy();
  }, LOOK_EVERY_MS).unref();
  const wait = () => {
    since = performance.now();
    account.awaitClient(() => raw.socket.destroy());
  };
  whenOver(raw, reply.raw, () => clearInterval(look));

  async function* pieces() {
    for await (const part of source) {
      const bytes = typeof part === 'string' ? Buffer.from(part) : (part as Uint8Array);
      account.take('answer', bytes.length);
      for (const piece of piecesOf(bytes)) {
        wait();
        yield piece;
        account.clientDone();
        waited += performance.now() - (since as number);
        since = undefined;
        sent += piece.length;
      }
      account.give('answer', bytes.length);
    }
    // The last pieces are still on their way.
    wait();
  }
  return Readable.from(pieces(), { objectMode: false, highWaterMark: PIECE_BYTES });
}
