import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import accepts from '@fastify/accepts';
import multipart from '@fastify/multipart';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { type FastifyBaseLogger, fastify, LogController } from 'fastify';
import { Type } from 'typebox';
import { type ErrorCode, SamError } from '../core/errors.js';
import type { Context, Server } from './context.js';
import { decodeRoute, PROMPTS_LIMIT } from './decode-route.js';
import { decoderRoutes } from './decoder-routes.js';
import { documentRoutes } from './document.js';
import { embedRoute } from './embed-route.js';
import { embeddingRoutes } from './embedding-routes.js';
import { everythingRoute } from './everything-route.js';
import { refuseOtherMethods } from './methods.js';
import { handleError, problemOf } from './problems.js';
import { segmentRoute } from './segment-route.js';
import { systemRoutes } from './system-routes.js';

/** A client's own request id is taken over when it is one that a log can bear. */
const REQUEST_ID = /^[\w.-]{1,64}$/;

const NO_QUERY = Type.Object({}, { additionalProperties: false });

/** The HTTP server with all its routes, not yet listening. */
export async function createServer(
  context: Context,
  { logger, version }: { logger: FastifyBaseLogger; version: string },
): Promise<Server> {
  const server = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    // A slow client may take its time over a photograph, not over its headers.
    requestTimeout: 120_000,
    http: { headersTimeout: 20_000 },
    // In flight means served.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
    clientErrorHandler: refuseUnparsable,
  }).withTypeProvider<TypeBoxTypeProvider>();

  server.setErrorHandler(handleError);
  server.setNotFoundHandler(async (request) => {
    throw new SamError('not-found', `there is no ${request.method} ${request.url.split('?')[0]}`);
  });
  server.setSerializerCompiler(() => JSON.stringify);
  server.addHook('onRoute', (route) => {
    route.schema = { querystring: NO_QUERY, ...route.schema };
  });
  const answer405 = refuseOtherMethods(server);
  observe(server);
  closeConnections(server);

  // Nothing is sent as text: such a body is a 415 like any other that no route takes.
  server.removeContentTypeParser('text/plain');
  await server.register(accepts);
  await server.register(multipart, {
    throwFileSizeLimit: false,
    limits: {
      fileSize: context.uploads.maxImageBytes + 1,
      fieldSize: PROMPTS_LIMIT,
      files: 2,
      parts: 32,
    },
  });
  await documentRoutes(server, version);
  // In a scope of its own: its parsers of image bodies are not for other routes.
  await server.register(async (scope: Server) => embedRoute(scope, context));
  await embeddingRoutes(server, context);
  await decodeRoute(server, context);
  await segmentRoute(server, context);
  await decoderRoutes(server, context);
  await everythingRoute(server, context);
  await systemRoutes(server, context);
  answer405();
  await server.ready();
  return server;
}

function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Lets no connection linger once the server is closing: it would wait for the next request of a client that may have none. */
function closeConnections(server: Server): void {
  let closing = false;
  server.addHook('preClose', async () => {
    closing = true;
  });
  server.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
}

/** Gives every answer its request id, and every request one line in the log without a byte of its content. */
function observe(server: Server): void {
  server.decorateRequest('notes');
  server.decorateRequest('departure');
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    const departure = new AbortController();
    request.departure = departure.signal;
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) departure.abort();
    });
  });
  server.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions, notes } = request;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const line = { method, route: routeOptions.url, status: reply.statusCode, ms, ...notes };
    request.log.info(line, 'answered');
  });
}

/** What Node's parser refuses never becomes a request; it is answered in the same form all the same. */
function refuseUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = UNPARSABLE[error.code ?? ''] ?? 'malformed-request';
  const problem = problemOf(new SamError(code, 'the request is not HTTP'), randomUUID());
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const UNPARSABLE: Record<string, ErrorCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
  HPE_HEADER_OVERFLOW: 'headers-too-large',
};
