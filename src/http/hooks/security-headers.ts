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
export async function securityHeaders(server: Server, origins: readonly string[]): Promise<void> {
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

/**
 * What the page at `/` is told instead, and each of its files: workers do as their own script's answer says.
 * - Everything comes from here. Networks are compiled from wasm, and images made in the page have blob: and data: URLs.
 * - Who may call the service may frame its page as well; nobody else may, so that no click there is stolen. (Browsers
 *   that know `frame-ancestors` go by it and not by `X-Frame-Options`.)
 * - With helmet's `Cross-Origin-Opener-Policy: same-origin` the page is isolated from other origins, without which
 *   browsers share no memory between threads. Within another page's frame it is not, and wasm has one thread.
 * @param origins those whose pages may use the service.
 */
export function pageSecurityHeaders(origins: readonly string[]): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    ['frame-ancestors', "'self'", ...origins].join(' '),
  ];
  return {
    'content-security-policy': policy.join(';'),
    'cross-origin-embedder-policy': 'require-corp',
  };
}
