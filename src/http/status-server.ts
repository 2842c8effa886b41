import fastify, { type FastifyInstance } from 'fastify';

/** `/healthz`, `/readyz` and `/metrics` of a process that serves nothing else. Not listening yet. */
export function createStatusServer(
  ready: () => boolean,
  metrics: () => Promise<{ type: string; text: string }>,
): FastifyInstance {
  const server = fastify({ forceCloseConnections: true });
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_, reply) => {
    const isReady = ready();
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ready' : 'not ready' });
  });
  server.get('/metrics', async (_, reply) => {
    const { type, text } = await metrics();
    return reply.type(type).send(text);
  });
  return server;
}
