import '@fastify/multipart';
import { SamError, violation } from '../../core/errors.js';
import { sendMasks } from '../answers/mask-answer.js';
import { setBadPromptsAside } from '../bodies/prompts/bad-prompts.js';
import { PROMPTS_LIMIT, readMaskRequest } from '../bodies/prompts/mask-request.js';
import { atTopLevel } from '../bodies/prompts/top-level.js';
import type { Context, Server } from '../context.js';
import { MASK_ANSWERS, problems } from '../schemas/answers.js';
import { DecodeRequest } from '../schemas/requests.js';
import { ref } from '../schemas/schema.js';

/** `POST /decode`: prompts in, masks out. */
export async function decodeRoute(server: Server, context: Context): Promise<void> {
  const { segmenter, room } = context;
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
      const { embedding_id, ...fields } = request.body;
      const query = readMaskRequest(request, fields);
      if (query.options.format === 'cutout') throw photographNeeded();
      const prediction = await atTopLevel(query, () =>
        segmenter.decode(embedding_id, query, request.caller),
      );
      return await sendMasks(reply, prediction, query.shape);
    },
  });
}

function photographNeeded(): SamError {
  const message = 'cutout needs the image, which the server does not store: post both to /segment';
  return violation('invalid-request', '/format', message);
}
