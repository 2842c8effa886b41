import '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Type } from 'typebox';
import { SamError, violation } from '../../core/errors.js';
import { sendEverything } from '../answers/everything-answer.js';
import { sendPicture } from '../answers/mask-answer.js';
import { readForm, validated } from '../bodies/form.js';
import { jsonBodiesOnly } from '../bodies/image-json.js';
import { readEverything } from '../bodies/prompts/everything-fields.js';
import type { Context, Server } from '../context.js';
import { negotiate } from '../negotiation.js';
import { bytes, problems } from '../schemas/answers.js';
import { EverythingFields, EverythingRequest } from '../schemas/everything.js';
import { CocoFile, EverythingResponse } from '../schemas/found-masks.js';
import { GEOJSON, JSON_TYPE, NDJSON, PNG } from '../schemas/media-types.js';
import { EmbeddingParams, OverlayQuery } from '../schemas/requests.js';
import { ref } from '../schemas/schema.js';

const FIELDS = Object.keys(EverythingFields.properties);

/** The bodies of its answers, for the document. */
const ANSWERS: Readonly<Record<string, { schema: TSchema }>> = {
  [JSON_TYPE]: { schema: Type.Union([ref(EverythingResponse), ref(CocoFile)]) },
  ...bytes(GEOJSON, NDJSON, PNG),
};

const RESPONSES = {
  200: {
    description: 'The masks, or events as they happen, or the photograph.',
    content: ANSWERS,
  },
  ...problems(
    'malformed-request',
    'invalid-request',
    'embedding-not-found',
    'embedding-mismatch',
    'not-acceptable',
    'payload-too-large',
    'too-many-prompts',
    'answer-too-large',
    'masks-too-large',
    'prompt-invalid',
    'unsupported-media-type',
    'image-unreadable',
    'image-too-large',
    'image-abandoned',
    'overloaded',
    'queue-timeout',
    'inference-timeout',
  ),
};

/** `POST /everything`: all objects of an image; and the same with the id in the path. */
export async function everythingRoute(server: Server, context: Context): Promise<void> {
  const { everything, uploads, room } = context;
  const decode = async (
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    fields: Static<typeof EverythingFields>,
    type: string,
  ) => {
    const { query, shape } = readEverything(fields, type);
    if (shape === 'picture') throw photographNeeded();
    return sendEverything(reply, await everything.decode(id, query, request.caller), shape);
  };
  server.route({
    method: 'POST',
    url: '/everything',
    config: { scopes: ['embed', 'decode'] },
    schema: {
      operationId: 'everything',
      tags: ['Masks'],
      summary: 'Find all objects of an image',
      description:
        'What `SamAutomaticMaskGenerator.generate` does, with its parameters and defaults. JSON with an `embedding_id`, ' +
        'or a form with the file `image` and the fields as JSON text: crops need the image, and so does `overlay`. ' +
        `The work waits whenever there are clicks to answer. With Accept: ${NDJSON} each line is an event: \`mask\` with ` +
        'its `id`, `removed` with the `ids` of masks to which better ones were found, `progress`, and in the end `done` ' +
        'with the `ids` that stay, or `error` with a `problem`. A `mask` with a known `id` takes the place of the first. ' +
        'With `labels` masks are called by the phrases that they answer; with `proposals` they start from boxes. ' +
        `With Accept: ${GEOJSON} the masks are the features of one collection, and with the format \`coco\` a COCO file.`,
      querystring: OverlayQuery,
      body: {
        content: {
          'application/json': { schema: ref(EverythingRequest) },
          'multipart/form-data': {
            schema: Type.Intersect([
              Type.Object({ image: Type.String({ format: 'binary' }) }),
              ref(EverythingFields),
            ]),
          },
        },
      },
      response: RESPONSES,
    },
    validatorCompiler: jsonBodiesOnly(server),
    onRequest: async (request) =>
      room[request.isMultipart() ? 'images' : 'prompts'](request.caller),
    handler: async (request, reply) => {
      const { caller } = request;
      const { model, overlay } = request.query;
      const type = negotiate(request, overlay === '1' ? [PNG] : [JSON_TYPE, NDJSON, GEOJSON]);
      if (!request.isMultipart()) {
        const { embedding_id, ...fields } = request.body as Static<typeof EverythingRequest>;
        return decode(request, reply, embedding_id, fields, type);
      }
      const form = await readForm(request, uploads, FIELDS);
      const fields = validated(request, EverythingFields, form.fields);
      const { query, shape } = readEverything(fields, type);
      if (shape === 'picture') {
        return sendPicture(reply, await everything.overlay(form.file, model, query, caller));
      }
      return sendEverything(
        reply,
        await everything.segment(form.file, model, query, caller),
        shape,
      );
    },
  });

  server.route({
    method: 'POST',
    url: '/embeddings/:id/everything',
    config: { scopes: ['embed', 'decode'] },
    schema: {
      operationId: 'everythingOfEmbedding',
      tags: ['Masks'],
      summary: 'Find all objects of the image whose embedding is in the path',
      description: 'As `/everything` with an `embedding_id`.',
      params: EmbeddingParams,
      body: ref(EverythingFields),
      response: RESPONSES,
    },
    onRequest: async ({ caller }) => room.prompts(caller),
    preValidation: async (request) => {
      if (request.isMultipart()) throw new SamError('unsupported-media-type', 'send JSON');
    },
    handler: async (request, reply) => {
      const type = negotiate(request, [JSON_TYPE, NDJSON, GEOJSON]);
      return decode(request, reply, request.params.id, request.body, type);
    },
  });
}

function photographNeeded(): SamError {
  const message = 'needs the image, which the server does not store: send a form with image';
  return violation('invalid-request', '/overlay', message);
}
