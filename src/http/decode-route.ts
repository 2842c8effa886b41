import '@fastify/multipart';
import type { Static } from 'typebox';
import { SamError } from '../core/errors.js';
import type { Prediction } from '../service/predictor.js';
import type { Context, Server } from './context.js';
import { json, problems } from './document.js';
import { located, readPrompts } from './prompts.js';
import { DecodeRequest } from './request-schemas.js';
import { DecodeResponse } from './response-schemas.js';
import { ref } from './schema.js';
import { rounded } from './timings.js';

/** Room for 64 prompts with a float16 `mask_input` each. */
export const PROMPTS_LIMIT = 16 * 2 ** 20;

/** `POST /decode`: prompts in, masks out. */
export async function decodeRoute(server: Server, context: Context): Promise<void> {
  const { models, predictor } = context;
  server.route({
    method: 'POST',
    url: '/decode',
    schema: {
      operationId: 'decode',
      summary: 'Answer prompts against an embedding',
      description:
        'One prompt at the top level or many in `prompts`. Each is answered with one mask or three, ' +
        'best predicted IoU first.',
      body: ref(DecodeRequest),
      response: {
        200: json(DecodeResponse, 'The masks.'),
        ...problems(
          'malformed-request',
          'invalid-request',
          'embedding-not-found',
          'payload-too-large',
          'too-many-prompts',
          'unsupported-media-type',
          'prompt-invalid',
          'overloaded',
        ),
      },
    },
    bodyLimit: PROMPTS_LIMIT,
    // Forms have a parser, for the routes that take images; this is none of them.
    preValidation: async (request) => {
      if (request.isMultipart()) throw new SamError('unsupported-media-type', 'send JSON');
    },
    handler: async (request, reply) => {
      const { embedding_id, ...body } = request.body;
      const list = readPrompts(body);
      const prediction = await located(list, async () => {
        predictor.check(list.prompts);
        const model = models.of(embedding_id);
        const embedding = await model.embeddings.find(embedding_id);
        await model.load();
        return predictor.predict(embedding, list.prompts, list.options, request.signal);
      });
      const answer = present(prediction, reply.elapsedTime);
      const { timings } = answer;
      request.notes = { embedding: embedding_id, prompts: list.prompts.length, timings };
      return reply.send(answer);
    },
  });
}

/** A prediction as it is answered, `elapsed` milliseconds after its request came. */
export function present(
  { embedding, results, timings }: Prediction,
  elapsed: number,
): Static<typeof DecodeResponse> {
  const { id, image } = embedding;
  const rest = { results, timings: rounded({ ...timings, total_ms: elapsed }) };
  return { embedding_id: id, ...image, ...rest };
}
