import { Readable } from 'node:stream';
import { type Static, Type } from 'typebox';
import type { Embedding, TensorSet } from '../../core/embedding.js';
import { DTYPES, type Dtype, type Tensor } from '../../core/tensors/tensor.js';
import { matches } from '../answers/etag.js';
import { npyHeader } from '../answers/npy.js';
import { safetensorsFile } from '../answers/safetensors.js';
import { tensorLength, tensorPieces } from '../answers/tensor-pieces.js';
import type { Context, Server } from '../context.js';
import { negotiate } from '../negotiation.js';
import { bytes, json, nothing, problems } from '../schemas/answers.js';
import { BYTES, JSON_TYPE, NPY, SAFETENSORS } from '../schemas/media-types.js';
import { EmbeddingParams } from '../schemas/requests.js';
import { EmbeddingInfo } from '../schemas/responses.js';

const Query = Type.Object(
  {
    dtype: Type.Optional(
      Type.Unsafe<Dtype>({
        type: 'string',
        enum: DTYPES,
        default: 'float32',
        description: 'Number format of the tensors; `proposals` has 32 bits in any case.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** `/embeddings/{id}`: what is known of an embedding, its tensors, and the end of it. */
export async function embeddingRoutes(server: Server, { models }: Context): Promise<void> {
  server.route({
    method: 'GET',
    url: '/embeddings/:id',
    config: { scopes: [] },
    schema: {
      operationId: 'getEmbedding',
      tags: ['Images'],
      summary: 'Look an embedding up, or download its tensors',
      description:
        `JSON by default. All tensors by their names as one file (${SAFETENSORS}), those that text is looked up in among ` +
        'them if the image was embedded for text: `class_embeds` and `proposals` (cx, cy, w, h as shares of the ' +
        "detector's square, logit shift and scale, objectness logit, length of the class vector). The first tensor alone, " +
        `\`image_embeddings\` or \`image_embed\`, as a NumPy file (${NPY}). Those that prompts need as raw little-endian ` +
        `numbers (${BYTES}), one after the other; \`x-tensor-names\` and \`x-tensor-shape\` tell which.`,
      params: EmbeddingParams,
      querystring: Query,
      response: {
        200: {
          ...json(EmbeddingInfo, 'It is there.'),
          content: { ...json(EmbeddingInfo, '').content, ...bytes(SAFETENSORS, NPY, BYTES) },
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
      const { caller } = request;
      const model = models.of(id);
      const embedding = await model.embeddings.find(id, caller);
      const type = negotiate(request, [JSON_TYPE, SAFETENSORS, NPY, BYTES], 'an embedding');
      const dtype = request.query.dtype ?? 'float32';
      const isWhole = type === JSON_TYPE || type === SAFETENSORS;
      const features = isWhole ? await model.features?.look(id, caller) : undefined;
      const form = type === JSON_TYPE ? 'json' : `${dtype}-${type}`;
      const etag = entityTag(embedding, features, form);
      reply.header('etag', etag).header('vary', 'accept');
      if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
      const tensors = { ...embedding.tensors, ...features?.tensors };
      if (type === JSON_TYPE) return reply.send(describe(embedding, tensors));
      reply.header('x-tensor-byte-order', 'little-endian');
      if (type === SAFETENSORS) {
        const { length, pieces } = safetensorsFile(tensors, dtype, metadataOf(embedding));
        return reply.type(type).header('content-length', length).send(Readable.from(pieces));
      }
      const own = Object.entries(embedding.tensors);
      const parts = type === NPY ? own.slice(0, 1) : own;
      const [first] = parts as [[string, Tensor]];
      const header = type === NPY ? npyHeader(first[1].shape, dtype) : Buffer.alloc(0);
      reply.type(type).header('x-tensor-names', parts.map(([name]) => name).join(','));
      reply.header('x-tensor-shape', parts.map(([, { shape }]) => shape.join(',')).join(';'));
      reply.header('x-tensor-dtype', dtype);
      const numbers = parts.reduce((sum, [, tensor]) => sum + tensorLength(tensor, dtype), 0);
      reply.header('content-length', header.length + numbers);
      return reply.send(Readable.from(fileOf(header, parts, dtype)));
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

function describe(embedding: Embedding, all: TensorSet): Static<typeof EmbeddingInfo> {
  const { id, model, image, fingerprint } = embedding;
  const [{ dtype, shape }] = Object.values(embedding.tensors) as [Tensor];
  const tensors = Object.fromEntries(
    Object.entries(all).map(([name, { dtype, shape }]) => [name, { dtype, shape: [...shape] }]),
  );
  return { embedding_id: id, model, ...image, shape: [...shape], dtype, tensors, fingerprint };
}

/** What a file says of its tensors. */
function metadataOf({ id, model, image, fingerprint }: Embedding): Record<string, string> {
  const { width, height } = image;
  return { embedding_id: id, model, width: `${width}`, height: `${height}`, fingerprint };
}

/** The id is the content and the fingerprints what was made of it, so these and the form say it all. */
function entityTag(
  { id, fingerprint }: Embedding,
  features: Embedding | undefined,
  form: string,
): string {
  const made = [fingerprint, ...(features ? [features.fingerprint] : [])];
  const prints = made.map((print) => print.slice(0, 16)).join('-');
  return `"${id.slice(-64, -32)}-${prints}-${form.replaceAll(/[^a-z0-9-]/g, '')}"`;
}

function* fileOf(
  header: Uint8Array,
  tensors: readonly (readonly [name: string, tensor: Tensor])[],
  dtype: Dtype,
): Generator<Uint8Array> {
  yield header;
  for (const [, tensor] of tensors) yield* tensorPieces(tensor, dtype);
}
