import { Type } from 'typebox';
import type { Context, Server } from '../context.js';
import { json, problems } from '../schemas/answers.js';
import { ModelList } from '../schemas/models.js';
import { Status } from '../schemas/responses.js';

/** What operators and load balancers ask. */
export async function systemRoutes(
  server: Server,
  { models, ready, counts }: Context,
): Promise<void> {
  server.get(
    '/models',
    {
      config: { scopes: [] },
      schema: {
        operationId: 'listModels',
        tags: ['Models'],
        summary: 'The models served, and where they run',
        response: {
          200: json(ModelList, 'The first is the default.'),
          ...problems('invalid-request'),
        },
      },
    },
    async (_request, reply) =>
      reply.send({
        models: models.all.map((model) => model.describe()),
        ...(models.text && { text: models.text }),
      }),
  );
  server.get(
    '/healthz',
    {
      logLevel: 'warn',
      schema: {
        operationId: 'health',
        tags: ['Operation'],
        summary: 'Whether the event loop turns',
        response: { 200: json(Status, 'It does.'), ...problems('invalid-request') },
      },
    },
    async () => ({ status: 'ok' }),
  );
  server.get(
    '/readyz',
    {
      logLevel: 'warn',
      schema: {
        operationId: 'readiness',
        tags: ['Operation'],
        summary: 'Whether requests should be sent here',
        response: {
          200: json(Status, 'The models are loaded and warm.'),
          503: json(
            Status,
            'They are not yet, the process is about to end, or the device is lost on which networks run.',
          ),
          ...problems('invalid-request'),
        },
      },
    },
    async (_request, reply) =>
      ready() ? { status: 'ready' } : reply.code(503).send({ status: 'not ready' }),
  );
  server.get(
    '/metrics',
    {
      config: { scopes: ['admin'] },
      logLevel: 'warn',
      schema: {
        operationId: 'metrics',
        tags: ['Operation'],
        summary: 'Counts and gauges for Prometheus',
        response: {
          200: {
            description: 'In the text format.',
            content: { 'text/plain': { schema: Type.String() } },
          },
          ...problems('invalid-request'),
        },
      },
    },
    async (_request, reply) => {
      const { type, text } = await counts.expose();
      return reply.type(type).send(text);
    },
  );
}
