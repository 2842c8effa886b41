import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { FastifyRequest } from 'fastify';
import type { Server } from '../context.js';

/** Of our headers, those that a page of another origin may read. */
const EXPOSED = [
  'allow',
  'etag',
  'location',
  'retry-after',
  'x-embedding-id',
  'x-predicted-iou',
  'x-request-id',
  'x-tensor-byte-order',
  'x-tensor-dtype',
  'x-tensor-shape',
];

/** What browsers are told: to do nothing with an answer but hand it to those origins. */
export async function instructBrowsers(server: Server, origins: readonly string[]): Promise<void> {
  const foreign = origins.length > 0;
  await server.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    crossOriginResourcePolicy: { policy: foreign ? 'cross-origin' : 'same-origin' },
    // Only the proxy that ends TLS knows whether all of the host has it.
    strictTransportSecurity: false,
  });
  if (!foreign) return;
  const options = {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    exposedHeaders: EXPOSED,
    maxAge: 600,
    strictPreflight: false,
  };
  await server.register(cors, {
    // Any path's preflight is answered, so that the page may read why its request is not.
    delegator: async ({ headers }: FastifyRequest) => ({
      ...options,
      preflight: headers['access-control-request-method'] !== undefined,
    }),
  });
}
