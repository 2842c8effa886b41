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

interface RootOptions {
  /** The folder of the page; who has none does not load what serves it. */
  readonly page: string | undefined;
  /** Origins whose pages may frame it. */
  readonly corsOrigins: readonly string[];
  /** Whether images may be fetched from anywhere. */
  readonly imagesByUrl: boolean;
}

/** Links to the page come with whatever others append to them. */
const ANY_QUERY = Type.Object({});

/** `GET /`: browsers get the page, or where there is none are led to that of the API; programs get links. */
export async function rootRoute(
  server: Server,
  { page, corsOrigins, imagesByUrl }: RootOptions,
): Promise<void> {
  const sendPage =
    page && (await (await import('./page.js')).pageRoutes(server, page, corsOrigins));
  server.get('/', { schema: { hide: true, querystring: ANY_QUERY } }, async (request, reply) => {
    reply.header('vary', 'accept');
    if (request.accepts().type(['application/json', 'text/html']) !== 'text/html') {
      return reply.send({ name: 'sam-split', images_by_url: imagesByUrl, links: LINKS });
    }
    return sendPage ? sendPage(request, reply) : reply.redirect(LINKS.docs);
  });
}
