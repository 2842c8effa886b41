import type { IncomingMessage } from 'node:http';
import { gatherChunks, hasTinyChunks } from '../bodies/reading/chunks.js';
import { pacer } from '../bodies/reading/intake.js';
import type { Server } from '../context.js';

/** How long the end of a body is waited for. */
const LINGER_MS = 1000;
/** As much as a large upload has left when it is refused. */
const BEARABLE = 64 * 2 ** 20;
/** A chunk counts as so many bytes more. */
const CHUNK_COST = 4096;

const waiting = new WeakSet<IncomingMessage>();

/** Before anybody reads a body. */
export function gatherSmallChunks(server: Server): void {
  server.server.prependListener('request', gatherChunks);
}

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
 * Takes care of what an answered request has still to send, which would stand before the connection's next. As
 * much as is bearable is read past, so that the sender sees the answer; then the connection ends.
 */
export function readPastUnread(server: Server): void {
  server.addHook('onSend', async (request, reply) => {
    const { raw, headers } = request;
    const hasBody =
      headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
    if (raw.complete || raw.destroyed || !hasBody) return;
    const declared = Number(headers['content-length'] ?? 0);
    const asks = waiting.has(raw);
    if (asks || declared > BEARABLE) reply.header('connection', 'close');
    // The framework would end the connection in the middle of the upload.
    else reply.removeHeader('connection');
    if (hasTinyChunks(raw)) raw.resume();
    else readPast(raw, request.caller.client);
    // Such a connection ends with the answer, which is lost where bytes that come later meet no reader.
    if (!asks && headers.connection === 'close') await endOf(raw);
    else if (hasTinyChunks(raw)) void endOf(raw).then(() => raw.complete || raw.destroy());
  });
}

function readPast(raw: IncomingMessage, client: string): void {
  let left = BEARABLE;
  const pace = pacer(raw, client);
  raw.unpipe();
  raw.on('data', (chunk: Buffer) => {
    left -= chunk.length + CHUNK_COST;
    if (left < 0) raw.destroy();
    else pace(chunk);
  });
  raw.resume();
}

/** Waits for the end of a body, but not for long. */
function endOf(raw: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, LINGER_MS);
    raw.once('close', resolve).once('end', () => {
      clearTimeout(late);
      resolve();
    });
  });
}
