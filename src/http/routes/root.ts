import '@fastify/accepts';
import { Type } from 'typebox';
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

/** Links to the page come with whatever others append to them. */
const ANY_QUERY = Type.Object({});

/**
 * `GET /`: browsers get the page, or where there is none are led to that of the API; programs get links.
 * @param page the folder that it is in; who has none does not load what serves it.
 * @param origins those whose pages may frame it.
 */
export async function rootRoute(
  server: Server,
  page: string | undefined,
  origins: readonly string[],
): Promise<void> {
  const sendPage = page && (await (await import('./page.js')).pageRoutes(server, page, origins));
  server.get('/', { schema: { hide: true, querystring: ANY_QUERY } }, async (request, reply) => {
    reply.header('vary', 'accept');
    if (request.accepts().type(['application/json', 'text/html']) !== 'text/html') {
      return reply.send({ name: 'sam-split', links: LINKS });
    }
    return sendPage ? sendPage(request, reply) : reply.redirect(LINKS.docs);
  });
}
