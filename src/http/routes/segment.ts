import '@fastify/accepts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SamError } from '../../core/errors.js';
import type { DrawnMask } from '../../core/ports.js';
import { drawn } from '../../service/cutouts.js';
import type { Prediction } from '../../service/prediction.js';
import {
  checkAnswer,
  MASK_ANSWERS,
  type MaskAnswer,
  negotiate,
  sendMasks,
} from '../answers/mask-answer.js';
import { IMAGE_STEPS, steps } from '../answers/timings.js';
import { readForm } from '../bodies/form.js';
import { imageJsonLimit, receiveNamed, takeImageJson } from '../bodies/image-json.js';
import { setBadPromptsAside, withBadPrompts } from '../bodies/prompts/bad-prompts.js';
import {
  checkFormatFields,
  checkLeniency,
  located,
  OverlayQuery,
  readPrompts,
  validated,
} from '../bodies/prompts/prompts.js';
import type { Upload } from '../bodies/uploads.js';
import type { Context, Server } from '../context.js';
import { PromptRequest, SegmentRequest } from '../schemas/requests.js';
import { ref } from '../schemas/schema.js';
import { PROMPTS_LIMIT } from './decode.js';
import { jsonBodiesOnly, problems } from './document.js';

const FIELDS = Object.keys(PromptRequest.properties);

/** `POST /segment`: image and prompts in, masks, a mask or a picture out. */
export async function segmentRoute(server: Server, context: Context): Promise<void> {
  const { models, predictor, cutouts, images, uploads, remote, room } = context;
  takeImageJson(server);
  server.route({
    method: 'POST',
    url: '/segment',
    config: { scopes: ['embed', 'decode'] },
    schema: {
      operationId: 'segment',
      tags: ['Masks'],
      summary: 'Embed an image and answer prompts in one call',
      description:
        'A form with the file `image` and the fields of `/decode`, each as JSON text (`box=[425,600,700,875]`, ' +
        '`format=png`) or as a part of type application/json; or all of it in JSON, the image as /embed takes it. ' +
        'Answers like /decode. ' +
        'Here masks can be cut-outs too, and with `overlay=1` the answer is the photograph with the masks on it, ' +
        'by itself where nothing is asked about it.',
      querystring: OverlayQuery,
      body: {
        content: {
          'multipart/form-data': {
            schema: Type.Intersect([
              Type.Object({ image: Type.String({ format: 'binary' }) }),
              ref(PromptRequest),
            ]),
          },
          'application/json': { schema: ref(SegmentRequest) },
        },
      },
      response: {
        200: MASK_ANSWERS,
        ...problems(
          'malformed-request',
          'invalid-request',
          'logits-not-found',
          'not-acceptable',
          'payload-too-large',
          'too-many-prompts',
          'masks-too-large',
          'answer-too-large',
          'unsupported-media-type',
          'image-unreadable',
          'image-too-large',
          'source-not-allowed',
          'source-unavailable',
          'prompt-invalid',
          'overloaded',
          'queue-timeout',
          'inference-timeout',
        ),
      },
    },
    bodyLimit: imageJsonLimit(uploads.maxImageBytes, PROMPTS_LIMIT),
    validatorCompiler: jsonBodiesOnly(server),
    onRequest: async ({ caller }) => room.images(caller),
    preValidation: async (request) => setBadPromptsAside(request, request.body),
    handler: async (request, reply) => {
      const overlay = request.query.overlay === '1';
      const { upload, fields } = await receive(request);
      const { image, sha256 } = upload;
      const embeddings = await models.named(request.query.model);
      if (overlay && asksNothing(fields)) {
        // Embedding checks the size, and whoever wants to see an image by URL will ask about it.
        const { embedding } = await embeddings.embed(image, sha256, request.caller, request.owner);
        return sendPicture(request, reply, embedding.id, { image, masks: [], prompts: [] });
      }
      const list = readPrompts(fields);
      const answer = overlay ? overlaid(request) : negotiate(request, list.format);
      if (!overlay) checkAnswer(answer, list.prompts.length);
      checkLeniency(list, answer.shape === 'json');
      checkFormatFields(list.options, answer.format);
      const options = { ...list.options, format: answer.format };
      const { caller, owner } = request;
      const predicted = await located(list, async () => {
        predictor.check(list.prompts, options, list.leniency);
        const { embedding, flight, timings } = await embeddings.embed(image, sha256, caller, owner);
        request.steps.push(...steps(upload.timings), ...steps(timings, IMAGE_STEPS));
        request.notes = { embedding: embedding.id, flight, prompts: list.prompts.length };
        return predictor.predict(embedding, list.prompts, options, caller, list.leniency);
      });
      const prediction = withBadPrompts(request, predicted);
      request.steps.push(...steps(prediction.timings));
      if (overlay) {
        const task = { image, masks: await bestOf(prediction), prompts: list.prompts };
        return sendPicture(request, reply, prediction.embedding.id, task);
      }
      if (answer.format !== 'cutout') return sendMasks(reply, prediction, answer);
      const which = answer.shape === 'file' ? 'best' : 'all';
      return sendMasks(reply, cutouts.of(prediction, image, which, caller), answer);
    },
  });

  async function sendPicture(
    { caller }: FastifyRequest,
    reply: FastifyReply,
    embeddingId: string,
    task: Parameters<typeof images.overlay>[0],
  ): Promise<FastifyReply> {
    reply.type('image/png').header('x-embedding-id', embeddingId);
    return reply.send(Buffer.from(await images.overlay(task, caller)));
  }

  /** The image of a request and the fields beside it, in either of the two forms they come in. */
  async function receive(
    request: FastifyRequest,
  ): Promise<{ upload: Upload; fields: PromptRequest }> {
    const body = request.body as SegmentRequest | undefined;
    if (request.isMultipart() || body === undefined) {
      const { upload, fields } = await readForm(request, uploads, FIELDS);
      setBadPromptsAside(request, fields);
      return { upload, fields: validated(request, PromptRequest, fields) };
    }
    const { image, ...fields } = body;
    return { upload: await receiveNamed(image, request, uploads, remote), fields };
  }
}

function asksNothing({
  prompts,
  point_coords,
  point_labels,
  box,
  mask_input,
}: PromptRequest): boolean {
  return !(prompts || point_coords || point_labels || box || mask_input);
}

/** A picture is drawn from the shortest form of masks. @throws SamError `not-acceptable` */
function overlaid(request: FastifyRequest): MaskAnswer {
  if (request.accepts().type(['image/png']) === 'image/png') {
    return { shape: 'file', format: 'rle' };
  }
  throw new SamError('not-acceptable', 'this is available as image/png');
}

/** The best mask of each prompt; one that is long is written for it. */
function bestOf(prediction: Prediction): Promise<DrawnMask[]> {
  const best = prediction.results.flatMap(({ masks }) => masks.slice(0, 1));
  return Promise.all(
    best.map(async (mask, prompt) => {
      if (mask.segmentation) return drawn(mask);
      const text = await prediction.write(mask, 'json', prompt);
      return drawn({ ...mask, segmentation: JSON.parse(Buffer.from(text).toString()) });
    }),
  );
}
