import '@fastify/multipart';
import { SamError, violation } from '../../core/errors.js';
import { checkAnswer, MASK_ANSWERS, negotiate, sendMasks } from '../answers/mask-answer.js';
import { rounded, steps } from '../answers/timings.js';
import { setBadPromptsAside, withBadPrompts } from '../bodies/prompts/bad-prompts.js';
import {
  checkFormatFields,
  checkLeniency,
  located,
  readPrompts,
} from '../bodies/prompts/prompts.js';
import type { Context, Server } from '../context.js';
import { DecodeRequest } from '../schemas/requests.js';
import { ref } from '../schemas/schema.js';
import { problems } from './document.js';

/** Room for 64 prompts with a float16 `mask_input` each. */
export const PROMPTS_LIMIT = 16 * 2 ** 20;

/** `POST /decode`: prompts in, masks out. */
export async function decodeRoute(server: Server, context: Context): Promise<void> {
  const { models, predictor, room } = context;
  server.route({
    method: 'POST',
    url: '/decode',
    config: { scopes: ['decode'] },
    schema: {
      operationId: 'decode',
      tags: ['Masks'],
      summary: 'Answer prompts against an embedding',
      description:
        'One prompt at the top level or many in `prompts`. Each is answered with one mask or three, ' +
        'best predicted IoU first. `Accept` may ask for the best mask of one prompt as a file, or for all masks as ' +
        '`multipart/mixed`.',
      body: ref(DecodeRequest),
      response: {
        200: MASK_ANSWERS,
        ...problems(
          'malformed-request',
          'invalid-request',
          'embedding-not-found',
          'embedding-mismatch',
          'logits-not-found',
          'not-acceptable',
          'payload-too-large',
          'too-many-prompts',
          'masks-too-large',
          'answer-too-large',
          'unsupported-media-type',
          'prompt-invalid',
          'overloaded',
          'queue-timeout',
          'inference-timeout',
        ),
      },
    },
    bodyLimit: PROMPTS_LIMIT,
    onRequest: async ({ caller }) => room.prompts(caller),
    // Forms have a parser, for the routes that take images; this is none of them.
    preValidation: async (request) => {
      if (request.isMultipart()) throw new SamError('unsupported-media-type', 'send JSON');
      setBadPromptsAside(request, request.body);
    },
    handler: async (request, reply) => {
      const { embedding_id, ...body } = request.body;
      const list = readPrompts(body);
      const answer = negotiate(request, list.format);
      if (answer.format === 'cutout') throw photographNeeded();
      checkAnswer(answer, list.prompts.length);
      checkLeniency(list, answer.shape === 'json');
      checkFormatFields(list.options, answer.format);
      const options = { ...list.options, format: answer.format };
      const predicted = await located(list, async () => {
        predictor.check(list.prompts, options, list.leniency);
        const model = models.of(embedding_id);
        const { embedding, tier } = await model.embeddings.find(embedding_id, request.owner);
        request.notes = { embedding: embedding_id, tier, prompts: list.prompts.length };
        await model.load();
        const { caller } = request;
        return predictor.predict(embedding, list.prompts, options, caller, list.leniency);
      });
      const prediction = withBadPrompts(request, predicted);
      request.steps.push(...steps(prediction.timings));
      const timings = rounded(prediction.timings);
      request.notes = { ...request.notes, timings };
      return await sendMasks(reply, prediction, answer);
    },
  });
}

function photographNeeded(): SamError {
  const message = 'cutout needs the image, which the server does not store: post both to /segment';
  return violation('invalid-request', '/format', message);
}
