import type { FastifyReply, FastifyRequest } from 'fastify';
import { SamError } from '../../core/errors.js';
import type { RateCounter } from '../../core/ports.js';
import type { Server } from '../context.js';
import { problems } from '../schemas/answers.js';
import type { ApiKey, ApiKeys, Scope } from './api-keys.js';
import { clientAddress } from './client-address.js';
import { RateLimit } from './rate-limit.js';

export interface Access {
  /** Undefined lets everybody in. */
  readonly keys: ApiKeys | undefined;
  /** Whether keys have nothing in common: embeddings and tokens belong to the key that made them. */
  readonly isolateKeys: boolean;
  /** Requests a minute of one key; 0 for as many as it likes. */
  readonly ratePerKey: number;
  /**
   * Requests a minute of one address, or one IPv6 network, but for those of health and of the page's files; 0 for as many
   * as it likes.
   */
  readonly ratePerAddress: number;
  /**
   * Counts over several processes, where they share something.
   * @param kind of what its clients' names are. @param local counts here alone.
   */
  readonly countTogether?: ((kind: string, local: RateCounter) => RateCounter) | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scopes a key needs for this route; none means any key, and undefined no key at all. */
    scopes?: readonly Scope[];
  }
  interface FastifyRequest {
    key: ApiKey | undefined;
    /** Why its address has to wait, if it has. */
    excess: SamError | undefined;
    /** The name under which embeddings and tokens are kept apart from other keys', where they are. */
    owner: string | undefined;
  }
}

/** What load balancers ask as often as they like, and the files of the page: opening it is one request. */
const UNCOUNTED = ['/healthz', '/readyz', '/assets/*'];

/**
 * Counts the requests of each address, whatever becomes of them. To be called before anything that answers a request:
 * preflights are counted too, though `guard` alone refuses.
 */
export function countRequests(
  server: Server,
  { ratePerAddress, countTogether = alone }: Access,
): void {
  server.decorateRequest('excess');
  if (ratePerAddress === 0) return;
  const limit = countTogether('address', new RateLimit(ratePerAddress));
  server.addHook('onRequest', async (request) => {
    const { method, routeOptions } = request;
    if (UNCOUNTED.includes(routeOptions.url ?? '') && method === 'GET') return;
    request.excess = await excess(limit, clientAddress(request));
  });
}

/**
 * Refuses requests above a rate, and asks for a key, before anything of a body is read. To be called before any route
 * is added.
 */
export function guard(
  server: Server,
  { ratePerKey, keys, isolateKeys, countTogether = alone }: Access,
): void {
  const limit = ratePerKey > 0 ? countTogether('key', new RateLimit(ratePerKey)) : undefined;

  server.addHook('onRoute', (route) => {
    if (!route.config?.scopes) return;
    const response = {
      ...(route.schema?.response as object | undefined),
      ...problems('unauthorized', 'forbidden', 'rate-limited'),
    };
    route.schema = { ...route.schema, security: [{ key: [] }, {}], response };
  });
  server.decorateRequest('key');
  server.decorateRequest('owner');
  server.addHook('onRequest', async (request, reply) => {
    if (request.excess) throw request.excess;
    const { scopes } = request.routeOptions.config;
    if (!scopes || !keys) return;
    request.key = authenticate(request, reply, keys, scopes);
    if (isolateKeys) request.owner = request.key.name;
    const tooMany = limit && (await excess(limit, request.key.name));
    if (tooMany) throw tooMany;
  });
}

/** @throws SamError `unauthorized`, `forbidden` */
function authenticate(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  keys: ApiKeys,
  scopes: readonly Scope[],
): ApiKey {
  const token = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  const key = token === undefined ? undefined : keys.find(token);
  if (!key) {
    reply.header('www-authenticate', token ? 'Bearer error="invalid_token"' : 'Bearer');
    throw new SamError('unauthorized', 'send a valid key as Authorization: Bearer <key>');
  }
  const missing = scopes.find((scope) => !key.scopes.has(scope));
  if (missing) {
    reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${missing}"`);
    throw new SamError('forbidden', `the key lacks the scope ${missing}`);
  }
  return key;
}

/** Counts a request. @returns what is to be thrown where it is one too many */
async function excess(limit: RateCounter, client: string): Promise<SamError | undefined> {
  const wait = await limit.count(client);
  if (wait === undefined) return undefined;
  const message = `at most ${limit.max} requests a minute`;
  return new SamError('rate-limited', message, { retryAfter: Math.ceil(wait / 1000) });
}

function alone(_kind: string, local: RateCounter): RateCounter {
  return local;
}
