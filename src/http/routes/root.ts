import '@fastify/accepts';
import type { Server } from '../context.js';

/** Where to go from here, relative to the service: it may stand behind a path of somebody's proxy. */
const LINKS = {
  docs: 'docs',
  openapi: 'openapi.json',
  embed: 'embed',
  decode: 'decode',
  segment: 'segment',
  everything: 'everything',
  models: 'models',
  health: 'healthz',
};

/** `GET /`: browsers are led to the page of the API, programs get links. */
export async function rootRoute(server: Server): Promise<void> {
  server.get('/', { schema: { hide: true } }, async (request, reply) => {
    reply.header('vary', 'accept');
    if (request.accepts().type(['application/json', 'text/html']) === 'text/html') {
      return reply.redirect(LINKS.docs);
    }
    return reply.send({ name: 'sam-split', links: LINKS });
  });
}
