import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import files from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { matches } from '../answers/etag.js';
import type { Server } from '../context.js';
import { pageSecurityHeaders } from '../hooks/security-headers.js';

/** Sends the page's document. */
export type SendPage = (request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/**
 * The page that shows what the service does: serves what its document refers to under `/assets/`, and gives what sends
 * the document itself.
 * @param folder `index.html`, and `assets/` with files whose names change with their content, packed beside them as
 *   `.br` and `.gz`.
 * @param origins those whose pages may frame it.
 */
export async function pageRoutes(
  server: Server,
  folder: string,
  origins: readonly string[],
): Promise<SendPage> {
  const headers = pageSecurityHeaders(origins);
  const html = await readFile(join(folder, 'index.html'));
  // Not of size and time, as those of files are: npm gives all files of a package one time, and a document that names
  // others instead is as long.
  const etag = `"${createHash('sha256').update(html).digest('base64url')}"`;

  await server.register(files, {
    root: join(folder, 'assets'),
    prefix: '/assets/',
    decorateReply: false,
    preCompressed: true,
    index: false,
    dotfiles: 'ignore',
    immutable: true,
    maxAge: '1y',
    logLevel: 'warn',
    setHeaders: (reply) => reply.headers(headers),
  });

  return (request, reply) => {
    reply.headers(headers).header('cache-control', 'no-cache').header('etag', etag);
    if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
    return reply.type('text/html; charset=utf-8').send(html);
  };
}
