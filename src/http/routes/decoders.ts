import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { SamError } from '../../core/errors.js';
import type { DecoderGraph } from '../../core/ports.js';
import { matches } from '../answers/etag.js';
import { piecesOf } from '../answers/pieces.js';
import type { Context, Server } from '../context.js';
import { bytes, nothing, problems } from '../schemas/answers.js';
import { BYTES } from '../schemas/media-types.js';
import { choice } from '../schemas/schema.js';

const Params = Type.Object({ name: Type.String() }, { additionalProperties: false });

const Query = Type.Object(
  {
    mask_input: Type.Optional(
      choice(['0', '1'], { description: '1: the graph whose prompts come with a mask_input.' }),
    ),
  },
  { additionalProperties: false },
);

const NOTHING = Type.Object({}, { additionalProperties: false });

/** `/models/{name}/context.onnx` and `decoder.onnx`: the decoder for clients that run it themselves. */
export async function decoderRoutes(server: Server, context: Context): Promise<void> {
  const { models, decoderFiles } = context;
  const file = async (graph: DecoderGraph, ifNoneMatch: string | undefined) => {
    if (!models.all.some((model) => model.name === graph.model)) {
      throw new SamError('not-found', `there is no model ${graph.model}`);
    }
    const { bytes, sha256 } = await decoderFiles.get(graph);
    const etag = `"${sha256}"`;
    return { etag, body: matches(ifNoneMatch, etag) ? undefined : bytes };
  };
  const response = {
    200: { description: 'An ONNX file, operator set 20.', content: bytes(BYTES) },
    304: nothing('The client has it.'),
    ...problems('invalid-request', 'not-found', 'overloaded'),
  };

  server.route({
    method: 'GET',
    url: '/models/:name/context.onnx',
    config: { scopes: ['decode'] },
    schema: {
      operationId: 'getContextGraph',
      tags: ['Models'],
      summary: "The decoder's part that runs once an image",
      description:
        'The tensors of an embedding -> what all prompts about it share: `image_embeddings` [1,256,64,64] -> `keys`, `k0`, ' +
        '`v0`, `q0`. `/models` has the names and shapes of each model (`graphs.context`).',
      params: Params,
      querystring: NOTHING,
      response,
    },
    handler: async (request, reply) => {
      const graph = { model: request.params.name, part: 'context' } as const;
      const { etag, body } = await file(graph, request.headers['if-none-match']);
      reply.header('etag', etag);
      return body ? sendFile(reply, body) : reply.code(304).send();
    },
  });
  server.route({
    method: 'GET',
    url: '/models/:name/decoder.onnx',
    config: { scopes: ['decode'] },
    schema: {
      operationId: 'getDecoderGraph',
      tags: ['Models'],
      summary: "The decoder's part that runs for prompts",
      description:
        'The outputs of context.onnx, `point_coords` [B,N,2] in pixels of the square of 1024 (`resize` of `/models`), `point_labels` ' +
        '[B,N] (1 object, 0 background, 2 and 3 the corners of a box, -1 padding; in which order and when is `prompt` there), ' +
        '`multimask_output` [1] bool, and with ?mask_input=1 `mask_input` [B,1,256,256] -> `low_res_masks` ' +
        '[B,M,256,256] and `iou_predictions` [B,M]; M is 3 with multimask_output, else 1. Of a SAM 2 also ' +
        '`object_score_logits` [B,1].',
      params: Params,
      querystring: Query,
      response,
    },
    handler: async (request, reply) => {
      const part = request.query.mask_input === '1' ? 'decoder-with-mask' : 'decoder';
      const graph = { model: request.params.name, part } as const;
      const { etag, body } = await file(graph, request.headers['if-none-match']);
      reply.header('etag', etag);
      return body ? sendFile(reply, body) : reply.code(304).send();
    },
  });
}

/** In pieces of the one copy that all clients share. */
function sendFile(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  reply.type(BYTES).header('content-length', bytes.length);
  return reply.send(Readable.from(piecesOf(bytes)));
}
