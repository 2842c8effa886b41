import rateLimit from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SamError } from '../core/errors.js';
import type { ApiKey, ApiKeys, Scope } from './api-keys.js';
import type { Server } from './context.js';
import { problems } from './document.js';

export interface Access {
  /** Undefined lets everybody in. */
  readonly keys: ApiKeys | undefined;
  /** Whether keys have nothing in common: embeddings and tokens belong to the key that made them. */
  readonly isolateKeys: boolean;
  /** Requests a minute of one key; 0 for as many as it likes. */
  readonly ratePerKey: number;
  /** Requests a minute of one address, or one IPv6 network; 0 for as many as it likes. */
  readonly ratePerAddress: number;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scopes a key needs for this route; none means any key, and undefined no key at all. */
    scopes?: readonly Scope[];
  }
  interface FastifyRequest {
    key: ApiKey | undefined;
    /** The name under which embeddings and tokens are kept apart from other keys', where they are. */
    owner: string | undefined;
  }
}

/** Asks for a key, and counts, before anything of a body is read. To be called before any route is added. */
export async function guard(server: Server, access: Access): Promise<void> {
  await server.register(rateLimit, { global: false, timeWindow: 60_000, ipv6Subnet: 64 });
  const { ratePerAddress, ratePerKey, keys, isolateKeys } = access;
  // Of both, only the last few thousand clients are remembered.
  const byAddress = server.createRateLimit({ max: ratePerAddress });
  const byKey = server.createRateLimit({
    max: ratePerKey,
    keyGenerator: ({ key }) => `key ${key?.name}`,
  });

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
    const { scopes } = request.routeOptions.config;
    if (!scopes) return;
    if (ratePerAddress > 0) await count(byAddress, request);
    if (!keys) return;
    request.key = authenticate(request, reply, keys, scopes);
    if (isolateKeys) request.owner = request.key.name;
    if (ratePerKey > 0) await count(byKey, request);
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

/** @throws SamError `rate-limited` */
async function count(
  limiter: ReturnType<Server['createRateLimit']>,
  request: FastifyRequest,
): Promise<void> {
  const limit = await limiter(request);
  if (limit.isAllowed || !limit.isExceeded) return;
  const message = `at most ${limit.max} requests a minute`;
  throw new SamError('rate-limited', message, { retryAfter: limit.ttlInSeconds });
}
