import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Server } from './context.js';

/** As much as a large upload has left when it is refused. */
const BEARABLE = 64 * 2 ** 20;

const waiting = new WeakSet<IncomingMessage>();

/** Clients that ask whether to send a body are told to once it is read, not before: a refusal spares them it. */
export function continueWhenRead(server: Server): void {
  server.server.on('checkContinue', (request, response) => {
    waiting.add(request);
    server.server.emit('request', request, response);
  });
  server.addHook('preParsing', async ({ raw, is404 }, reply) => {
    if (!is404 && waiting.delete(raw)) reply.raw.writeContinue();
  });
}

/**
 * Takes care of what a refused request has still to send, which would stand before the connection's next. As
 * much as is bearable is read past, so that the sender sees the answer; then the connection ends.
 */
export function leaveUnread({ raw, headers }: FastifyRequest, reply: FastifyReply): void {
  if (raw.complete) return;
  let left = BEARABLE;
  const declared = Number(headers['content-length'] ?? 0);
  if (waiting.has(raw) || declared > left) reply.header('connection', 'close');
  // The framework would end the connection in the middle of the upload.
  else reply.removeHeader('connection');
  raw.unpipe();
  raw.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) raw.destroy();
  });
  raw.resume();
}
