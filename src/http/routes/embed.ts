import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { SamError, violation } from '../../core/errors.js';
import type { ImageFile } from '../../core/image.js';
import type { RemoteImages } from '../../core/ports.js';
import { rounded } from '../answers/timings.js';
import { readForm } from '../bodies/form.js';
import {
  imageJsonLimit,
  jsonBodiesOnly,
  receiveNamed,
  takeImageJson,
} from '../bodies/image-json.js';
import { declaredLength } from '../bodies/reading/body.js';
import type { Uploads } from '../bodies/uploads.js';
import type { Context, Server } from '../context.js';
import { bytes, json, problems } from '../schemas/answers.js';
import { ImageJson, ModelName } from '../schemas/requests.js';
import { EmbedResponse } from '../schemas/responses.js';
import { ref } from '../schemas/schema.js';

const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/avif'];

const EmbedQuery = Type.Object(
  {
    model: ModelName,
    text: Type.Optional(
      Type.Unsafe<'true' | 'false'>({
        type: 'string',
        enum: ['true', 'false'],
        description:
          'true also keeps what things are found by from `text`, which takes as long again or longer.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** `POST /embed`: an image in, its embedding's id out. */
export async function embedRoute(
  server: Server,
  { models, uploads, remote, room }: Context,
): Promise<void> {
  // What the bytes are is read from the bytes: the declared type only says that they are the image itself.
  const parser = ({ caller, headers }: FastifyRequest, payload: IncomingMessage) =>
    uploads.receive(payload, caller, declaredLength(headers));
  takeImageJson(server);
  server.addContentTypeParser('application/octet-stream', parser);
  server.addContentTypeParser(/^image\//, parser);
  server.route({
    method: 'POST',
    url: '/embed',
    config: { scopes: ['embed'] },
    schema: {
      operationId: 'embed',
      tags: ['Images'],
      summary: 'Embed an image',
      description:
        'Runs the image encoder and keeps the embedding under the hash of the uploaded bytes. ' +
        'JPEG, PNG, WebP or AVIF; of an animated file the first frame. Colour profiles are ignored, transparency lies ' +
        'over white, and 16 bits become 8, as with PIL.',
      querystring: EmbedQuery,
      body: {
        content: {
          'multipart/form-data': {
            schema: Type.Object({ image: Type.String({ format: 'binary' }) }),
          },
          'application/json': { schema: ref(ImageJson) },
          ...bytes('application/octet-stream', ...IMAGE_TYPES),
        },
      },
      response: {
        200: json(EmbedResponse, 'It was cached, or another request was making it.'),
        201: json(EmbedResponse, 'It was computed.'),
        ...problems(
          'malformed-request',
          'invalid-request',
          'payload-too-large',
          'unsupported-media-type',
          'image-unreadable',
          'image-too-large',
          'image-abandoned',
          'source-not-allowed',
          'source-unavailable',
          'overloaded',
          'queue-timeout',
          'inference-timeout',
        ),
      },
    },
    bodyLimit: imageJsonLimit(uploads.maxImageBytes, 1024),
    validatorCompiler: jsonBodiesOnly(server),
    onRequest: async ({ caller }) => room.images(caller),
    handler: async (request, reply) => {
      const file = await receive(request, uploads, remote);
      const { model, text } = request.query;
      const embedded = await models.named(model).embed(file, request.caller, text === 'true');
      const { embedding, flight, tier, warnings = [] } = embedded;
      const body: Static<typeof EmbedResponse> = {
        embedding_id: embedding.id,
        model: embedding.model,
        ...embedding.image,
        cached: flight === 'cached',
        flight,
        ...(tier && { tier }),
        ...(warnings.length > 0 && { warnings: [...warnings] }),
        timings: rounded({ ...embedded.timings, total_ms: reply.elapsedTime }),
      };
      return reply
        .code(flight === 'computed' ? 201 : 200)
        .header('location', `/embeddings/${embedding.id}`)
        .send(body);
    },
  });
}

/** The image of a request, in whichever of the four forms it came. */
async function receive(
  request: FastifyRequest,
  uploads: Uploads,
  remote: RemoteImages,
): Promise<ImageFile> {
  if (request.isMultipart()) {
    const { file, fields } = await readForm(request, uploads);
    const [name] = Object.keys(fields);
    if (name === undefined) return file;
    throw violation('invalid-request', `/${name}`, 'is not a known field');
  }
  const body = request.body as ImageFile | Static<typeof ImageJson> | undefined;
  if (body === undefined) throw new SamError('invalid-request', 'the body is empty: send an image');
  if ('sha256' in body) return body;
  return receiveNamed(body.image, request, uploads, remote);
}
