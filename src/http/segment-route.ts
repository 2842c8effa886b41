import '@fastify/accepts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SamError } from '../core/errors.js';
import type { Mask } from '../core/mask.js';
import type { ImageLane } from '../core/ports.js';
import type { Prediction } from '../service/predictor.js';
import type { Context, Server } from './context.js';
import { present } from './decode-route.js';
import { bytes, json, jsonBodiesOnly, problems } from './document.js';
import { readForm } from './form.js';
import { violation } from './problems.js';
import { located, type PromptList, readPrompts } from './prompts.js';
import { ModelName, PromptRequest } from './request-schemas.js';
import { DecodeResponse } from './response-schemas.js';
import { ref } from './schema.js';
import type { Upload } from './uploads.js';

const Query = Type.Object(
  {
    model: ModelName,
    overlay: Type.Optional(
      Type.Unsafe<'0' | '1'>({
        type: 'string',
        enum: ['0', '1'],
        description: '1 answers with the photograph, the best mask of each prompt drawn on it.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** `POST /segment`: image and prompts in, masks, a mask or a picture out. */
export async function segmentRoute(server: Server, context: Context): Promise<void> {
  const { models, predictor, images, uploads } = context;
  server.route({
    method: 'POST',
    url: '/segment',
    schema: {
      operationId: 'segment',
      summary: 'Embed an image and answer prompts in one call',
      description:
        'A form with the file `image` and the fields of `/decode`, each as JSON text. Accept: application/json ' +
        '(default) answers like /decode; Accept: image/png answers with the best mask of the one prompt.',
      querystring: Query,
      body: {
        content: {
          'multipart/form-data': {
            schema: Type.Intersect([
              Type.Object({ image: Type.String({ format: 'binary' }) }),
              ref(PromptRequest),
            ]),
          },
        },
      },
      response: {
        200: {
          ...json(DecodeResponse, 'The masks, the best mask as a PNG, or the photograph with it.'),
          content: { ...json(DecodeResponse, '').content, ...bytes('image/png') },
        },
        ...problems(
          'malformed-request',
          'invalid-request',
          'not-acceptable',
          'payload-too-large',
          'too-many-prompts',
          'unsupported-media-type',
          'image-unreadable',
          'image-too-large',
          'prompt-invalid',
          'overloaded',
        ),
      },
    },
    validatorCompiler: jsonBodiesOnly(server),
    handler: async (request, reply) => {
      const answer = answerFor(request, request.query.overlay === '1');
      const form = await readForm(request, uploads);
      const { upload } = form;
      try {
        const list = readList(request, form.fields);
        const embeddings = await models.named(request.query.model);
        if (answer === 'mask' && list.prompts.length > 1) {
          throw new SamError('invalid-request', 'Accept: image/png answers one prompt only');
        }
        const format = FORMATS[answer] ?? list.options.format;
        const prediction = await located(list, async () => {
          predictor.check(list.prompts);
          const { image, sha256 } = upload;
          const { embedding, flight } = await embeddings.embed(image, sha256, request.signal);
          request.notes = { embedding: embedding.id, flight, prompts: list.prompts.length };
          return predictor.predict(
            embedding,
            list.prompts,
            { ...list.options, format },
            request.signal,
          );
        });
        if (answer === 'json') return reply.send(present(prediction, reply.elapsedTime));
        reply.type('image/png').header('x-embedding-id', prediction.embedding.id);
        if (answer === 'mask') return sendMask(reply, prediction);
        return reply.send(await overlay(images, upload, list, prediction, request.signal));
      } finally {
        upload.release();
      }
    },
  });
}

type Answer = 'json' | 'mask' | 'overlay';

/** The mask format an answer is made from; JSON takes the client's choice. */
const FORMATS = { json: undefined, mask: 'png', overlay: 'uncompressed_rle' } as const;

/** What to answer with. @throws SamError `not-acceptable` */
function answerFor(request: FastifyRequest, overlay: boolean): Answer {
  const type = request.accepts().type(overlay ? ['image/png'] : ['application/json', 'image/png']);
  if (type === 'image/png') return overlay ? 'overlay' : 'mask';
  if (type === 'application/json') return 'json';
  const offer = overlay ? 'image/png' : 'application/json or image/png';
  throw new SamError('not-acceptable', `this is to be had as ${offer}`);
}

/** The prompts of a form. @throws SamError `invalid-request` */
function readList(request: FastifyRequest, fields: Record<string, unknown>): PromptList {
  const validate = request.compileValidationSchema(PromptRequest, 'body');
  if (!validate(fields)) {
    const violations = (validate.errors ?? []).map(violation);
    const detail = violations.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new SamError('invalid-request', detail, { violations });
  }
  return readPrompts(fields);
}

function best(prediction: Prediction): Mask[] {
  return prediction.results.flatMap(({ masks }) => masks.slice(0, 1));
}

function sendMask(reply: FastifyReply, prediction: Prediction) {
  const [mask] = best(prediction);
  if (!mask || !('png' in mask.segmentation)) throw new Error('no mask was decoded');
  reply.header('x-predicted-iou', mask.predicted_iou);
  return reply.send(Buffer.from(mask.segmentation.png, 'base64'));
}

async function overlay(
  images: ImageLane,
  { image }: Upload,
  { prompts }: PromptList,
  prediction: Prediction,
  signal: AbortSignal,
): Promise<Buffer> {
  const masks = best(prediction).map(({ segmentation }) => {
    if (!('counts' in segmentation) || typeof segmentation.counts === 'string') {
      throw new Error('an overlay is drawn from run lengths');
    }
    return segmentation.counts;
  });
  return Buffer.from(await images.overlay({ image, masks, prompts }, signal));
}
