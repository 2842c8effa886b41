import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import accepts from '@fastify/accepts';
import multipart from '@fastify/multipart';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { type FastifyBaseLogger, fastify, LogController } from 'fastify';
import { Type } from 'typebox';
import { SamError } from '../core/errors.js';
import { readJson } from './bodies/json.js';
import { unpackBodies } from './bodies/reading/content-encoding.js';
import type { Context, Server } from './context.js';
import { type Access, countRequests, guard } from './hooks/access.js';
import { trusting } from './hooks/client-address.js';
import { ClientErrors } from './hooks/client-errors.js';
import { handleError } from './hooks/error-handler.js';
import { refuseOtherMethods } from './hooks/method-not-allowed.js';
import { logRequests } from './hooks/request-log.js';
import { securityHeaders } from './hooks/security-headers.js';
import { type ReadingLimits, watchReading } from './hooks/slow-readers.js';
import { continueWhenRead, gatherSmallChunks, readPastUnread } from './hooks/unread-bodies.js';
import { Unroutable } from './hooks/unroutable.js';
import { decodeRoute } from './routes/decode.js';
import { decoderRoutes } from './routes/decoders.js';
import { documentRoutes } from './routes/document.js';
import { embedRoute } from './routes/embed.js';
import { embeddingRoutes } from './routes/embeddings.js';
import { everythingRoute } from './routes/everything.js';
import { rootRoute } from './routes/root.js';
import { segmentRoute } from './routes/segment.js';
import { systemRoutes } from './routes/system.js';

/** A client's own request id is taken over when it is one that a log can bear. */
const REQUEST_ID = /^[\w.-]{1,64}$/;

/** A turn of the event loop that took no longer did nothing but look for connections. */
const SHORT_TURN_MS = 0.2;
/** After which the listener is closed in any case. */
const MOST_TURNS_MS = 500;

const NO_QUERY = Type.Object({}, { additionalProperties: false });

export interface ServerOptions extends Access {
  readonly logger: FastifyBaseLogger;
  readonly version: string;
  /** The origins whose pages may use the service; none for no page of another origin. */
  readonly corsOrigins: readonly string[];
  /** Addresses and networks whose X-Forwarded-For is believed. */
  readonly trustProxy: readonly string[];
  /** How long a request may take to arrive: its header, and all of it. */
  readonly timeouts: { readonly headerMs: number; readonly requestMs: number };
  readonly reading: ReadingLimits;
  /** The folder of the page at `/`, where there is one. */
  readonly page: string | undefined;
  /** Whether images may be fetched from anywhere. */
  readonly imagesByUrl: boolean;
}

/** The HTTP server with all its routes, not yet listening. */
export async function createServer(context: Context, options: ServerOptions): Promise<Server> {
  const { logger, version, corsOrigins, trustProxy, timeouts, reading } = options;
  const clientErrors = new ClientErrors(context.counts);
  const unroutable = new Unroutable();
  const server = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    // A slow client may take its time over a photograph, not over its headers.
    requestTimeout: timeouts.requestMs,
    http: {
      headersTimeout: Math.min(timeouts.headerMs, timeouts.requestMs),
      connectionsCheckingInterval: 500,
    },
    trustProxy: trustProxy.length > 0 && trusting(trustProxy),
    // In flight means served.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
    frameworkErrors: unroutable.frameworkErrors,
    clientErrorHandler: clientErrors.refuse,
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
  clientErrors.watch(server);
  server.server.once('listening', () => {
    // Out of files or memory; an error that nobody hears would end the process.
    server.server.on('error', (err) => logger.error({ err }, 'a connection was not accepted'));
  });
  logRequests(server, context);
  letGo(server, context);
  unpackBodies(server, context.uploads.maxImageBytes);
  gatherSmallChunks(server);
  continueWhenRead(server);
  readPastUnread(server);
  watchReading(server, reading);
  countRequests(server, options);
  await securityHeaders(server, corsOrigins);
  guard(server, options);
  unroutable.refuseOn(server);

  // Nothing is sent as text: such a body is a 415 like any other that no route takes.
  server.removeContentTypeParser(['text/plain', 'application/json']);
  server.addContentTypeParser('application/json', readJson);
  await server.register(accepts);
  await server.register(multipart, {
    throwFileSizeLimit: false,
    // What a part may hold is counted as it is read.
    limits: { fileSize: Number.POSITIVE_INFINITY, files: 32, parts: 32 },
  });
  await documentRoutes(server, version);
  // In scopes of their own: their parsers of image bodies are not for other routes.
  await server.register(async (scope: Server) => embedRoute(scope, context));
  await server.register(async (scope: Server) => segmentRoute(scope, context));
  await embeddingRoutes(server, context);
  await decodeRoute(server, context);
  await decoderRoutes(server, context);
  await everythingRoute(server, context);
  await systemRoutes(server, context);
  await rootRoute(server, options);
  answer405();
  await server.ready();
  return server;
}

function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/**
 * Tells clients in the last answers that they get here that no request may follow on their connection. Connections that
 * nobody has accepted when the listener closes are reset by the kernel, requests and all: it closes right after a turn of
 * the event loop, which accepts one at most, that found none.
 */
function letGo(server: Server, { draining }: Context): void {
  server.addHook('onSend', async (_request, reply) => {
    if (draining()) reply.header('connection', 'close');
  });
  server.addHook('preClose', async () => {
    let accepted = false;
    server.server.on('connection', () => {
      accepted = true;
    });
    const end = performance.now() + MOST_TURNS_MS;
    for (let start = performance.now(); start < end; start = performance.now()) {
      accepted = false;
      await turn();
      if (!accepted && performance.now() - start < SHORT_TURN_MS) return;
    }
  });
}
