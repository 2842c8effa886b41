import { Readable } from 'node:stream';
import { type Static, Type } from 'typebox';
import { type Embedding, IMAGE_EMBEDDINGS, tensorOf } from '../../core/embedding.js';
import { DTYPES, type Dtype, type Tensor } from '../../core/tensor.js';
import { matches } from '../answers/etag.js';
import { npyHeader } from '../answers/npy.js';
import { tensorLength, tensorPieces } from '../answers/tensor-pieces.js';
import type { Context, Server } from '../context.js';
import { negotiate } from '../negotiation.js';
import { bytes, json, nothing, problems } from '../schemas/answers.js';
import { BYTES, JSON_TYPE, NPY } from '../schemas/media-types.js';
import { EmbeddingParams } from '../schemas/requests.js';
import { EmbeddingInfo } from '../schemas/responses.js';

const Query = Type.Object(
  {
    dtype: Type.Optional(
      Type.Unsafe<Dtype>({
        type: 'string',
        enum: DTYPES,
        default: 'float32',
        description: 'Number format of the tensor.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** `/embeddings/{id}`: what is known of an embedding, its tensor, and the end of it. */
export async function embeddingRoutes(server: Server, { models }: Context): Promise<void> {
  server.route({
    method: 'GET',
    url: '/embeddings/:id',
    config: { scopes: [] },
    schema: {
      operationId: 'getEmbedding',
      tags: ['Images'],
      summary: 'Look an embedding up, or download its tensor',
      description: `JSON by default; the tensor as a NumPy file (${NPY}) or as raw little-endian numbers (${BYTES}).`,
      params: EmbeddingParams,
      querystring: Query,
      response: {
        200: {
          ...json(EmbeddingInfo, 'It is there.'),
          content: { ...json(EmbeddingInfo, '').content, ...bytes(NPY, BYTES) },
        },
        304: nothing('The client has it.'),
        ...problems(
          'invalid-request',
          'embedding-not-found',
          'embedding-mismatch',
          'not-acceptable',
        ),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const embedding = await models.of(id).embeddings.find(id, request.caller);
      const type = negotiate(request, [JSON_TYPE, NPY, BYTES], 'an embedding');
      const dtype = request.query.dtype ?? 'float32';
      const etag = entityTag(embedding, type === JSON_TYPE ? 'json' : `${dtype}-${type}`);
      reply.header('etag', etag).header('vary', 'accept');
      if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
      if (type === JSON_TYPE) return reply.send(describe(embedding));
      const tensor = tensorOf(embedding, IMAGE_EMBEDDINGS);
      const header = type === NPY ? npyHeader(tensor.shape, dtype) : Buffer.alloc(0);
      reply.type(type).header('x-tensor-shape', tensor.shape.join(','));
      reply.header('x-tensor-dtype', dtype).header('x-tensor-byte-order', 'little-endian');
      reply.header('content-length', header.length + tensorLength(tensor, dtype));
      return reply.send(Readable.from(fileOf(header, tensor, dtype)));
    },
  });

  server.route({
    method: 'DELETE',
    url: '/embeddings/:id',
    config: { scopes: ['admin'] },
    schema: {
      operationId: 'deleteEmbedding',
      tags: ['Images'],
      summary: 'Drop an embedding from the cache',
      description:
        'One that is being made is not kept: who waits for it still gets it. Where its file, or what replicas share, cannot ' +
        'be removed the answer is `not-deleted`: this process uses it no more, others and this one once restarted may.',
      params: EmbeddingParams,
      response: {
        204: nothing('It was there and is no more.'),
        ...problems('invalid-request', 'embedding-not-found', 'embedding-mismatch', 'not-deleted'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      await models.of(id).drop(id, request.caller);
      return reply.code(204).send();
    },
  });
}

function describe(embedding: Embedding): Static<typeof EmbeddingInfo> {
  const { id, model, image, fingerprint } = embedding;
  const { dtype, shape } = tensorOf(embedding, IMAGE_EMBEDDINGS);
  return { embedding_id: id, model, ...image, shape: [...shape], dtype, fingerprint };
}

/** The id is the content and the fingerprint what was made of it, so the two and the form say it all. */
function entityTag({ id, fingerprint }: Embedding, form: string): string {
  return `"${id.slice(-64, -32)}-${fingerprint.slice(0, 16)}-${form.replaceAll(/[^a-z0-9-]/g, '')}"`;
}

function* fileOf(header: Uint8Array, tensor: Tensor, dtype: Dtype): Generator<Uint8Array> {
  yield header;
  yield* tensorPieces(tensor, dtype);
}
