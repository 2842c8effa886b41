import '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SamError, violation } from '../../core/errors.js';
import { sendMasks } from '../answers/mask-answer.js';
import { setBadPromptsAside } from '../bodies/prompts/bad-prompts.js';
import { PROMPTS_LIMIT, readMaskRequest } from '../bodies/prompts/mask-request.js';
import { atTopLevel } from '../bodies/prompts/top-level.js';
import type { Context, Server } from '../context.js';
import { MASK_ANSWERS, problems } from '../schemas/answers.js';
import { DecodeRequest, EmbeddingParams, PromptRequest } from '../schemas/requests.js';
import { ref } from '../schemas/schema.js';

const ANSWERS = {
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
};

/** `POST /decode`: prompts in, masks out; and the same with the id in the path, by which a load balancer can choose. */
export async function decodeRoute(server: Server, { segmenter, room }: Context): Promise<void> {
  const decode = async (
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    fields: PromptRequest,
  ) => {
    const query = readMaskRequest(request, fields);
    if (query.options.format === 'cutout') throw photographNeeded();
    const prediction = await atTopLevel(query, () => segmenter.decode(id, query, request.caller));
    return await sendMasks(reply, prediction, query.shape);
  };
  const common = {
    method: 'POST',
    config: { scopes: ['decode'] },
    bodyLimit: PROMPTS_LIMIT,
    onRequest: async ({ caller }: FastifyRequest) => room.prompts(caller),
    // Forms have a parser, for the routes that take images; this is none of them.
    preValidation: async (request: FastifyRequest) => {
      if (request.isMultipart()) throw new SamError('unsupported-media-type', 'send JSON');
      setBadPromptsAside(request, request.body);
    },
  } as const;

  server.route({
    ...common,
    url: '/decode',
    schema: {
      operationId: 'decode',
      tags: ['Masks'],
      summary: 'Answer prompts against an embedding',
      description:
        'One prompt at the top level or many in `prompts`. Each is answered with one mask or three, ' +
        'best predicted IoU first. `Accept` may ask for the best mask of one prompt as a file, or for all masks as ' +
        '`multipart/mixed`.',
      body: ref(DecodeRequest),
      response: ANSWERS,
    },
    handler: (request, reply) => {
      const { embedding_id, ...fields } = request.body;
      return decode(request, reply, embedding_id, fields);
    },
  });

  server.route({
    ...common,
    url: '/embeddings/:id/decode',
    schema: {
      operationId: 'decodeEmbedding',
      tags: ['Masks'],
      summary: 'Answer prompts against the embedding in the path',
      description:
        'As `/decode`. A load balancer that hashes the path brings the clicks of an image to the same replica, which ' +
        'has its embedding and what the decoder prepares of it in memory.',
      params: EmbeddingParams,
      body: ref(PromptRequest),
      response: ANSWERS,
    },
    handler: (request, reply) => decode(request, reply, request.params.id, request.body),
  });
}

function photographNeeded(): SamError {
  const message = 'cutout needs the image, which the server does not store: post both to /segment';
  return violation('invalid-request', '/format', message);
}
