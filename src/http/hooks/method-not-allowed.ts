import { SamError } from '../../core/errors.js';
import type { Server } from '../context.js';

/**
 * Answers 405 with `Allow` where a path exists and its method does not; the router alone would say 404.
 * To be called before any route is added, so that it sees them all.
 */
export function refuseOtherMethods(server: Server): () => void {
  const allowed = new Map<string, Set<string>>();
  server.addHook('onRoute', ({ url, method, prefix }) => {
    // The pages under /docs are a plugin's own, and so are preflights of any path.
    if (prefix || url === '*') return;
    const methods = allowed.get(url) ?? new Set();
    for (const name of [method].flat()) methods.add(name);
    allowed.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...allowed]) {
      const allow = [...methods].sort().join(', ');
      server.route({
        method: server.supportedMethods.filter((name) => !methods.has(name)),
        url,
        schema: { hide: true },
        exposeHeadRoute: false,
        onRequest: async (_request, reply) => {
          reply.header('allow', allow);
          throw new SamError('method-not-allowed', `this resource knows ${allow}`);
        },
        handler: async () => {},
      });
    }
  };
}
