import '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { ImageFile } from '../../core/image.js';
import { sendMasks, sendPicture } from '../answers/mask-answer.js';
import { readForm, validated } from '../bodies/form.js';
import {
  imageJsonLimit,
  jsonBodiesOnly,
  receiveNamed,
  takeImageJson,
} from '../bodies/image-json.js';
import { setBadPromptsAside } from '../bodies/prompts/bad-prompts.js';
import { PROMPTS_LIMIT, readMaskRequest } from '../bodies/prompts/mask-request.js';
import { hasPrompt } from '../bodies/prompts/prompts.js';
import { atTopLevel } from '../bodies/prompts/top-level.js';
import type { Context, Server } from '../context.js';
import { negotiatePicture } from '../negotiation.js';
import { MASK_ANSWERS, problems } from '../schemas/answers.js';
import { OverlayQuery, PromptRequest, SegmentRequest } from '../schemas/requests.js';
import { ref } from '../schemas/schema.js';

const FIELDS = Object.keys(PromptRequest.properties);

/** `POST /segment`: image and prompts in, masks, a mask or a picture out. */
export async function segmentRoute(server: Server, context: Context): Promise<void> {
  const { segmenter, uploads, remote, room } = context;
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
          'image-abandoned',
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
      const { file, fields } = await receive(request);
      const { caller } = request;
      const { model, overlay } = request.query;
      if (overlay === '1') {
        const answer = negotiatePicture(request);
        if (!hasPrompt(fields)) {
          return sendPicture(reply, await segmenter.picture(file, model, caller));
        }
        const query = readMaskRequest(request, fields, answer);
        return sendPicture(
          reply,
          await atTopLevel(query, () => segmenter.overlay(file, model, query, caller)),
        );
      }
      const query = readMaskRequest(request, fields);
      const prediction = await atTopLevel(query, () =>
        segmenter.segment(file, model, query, caller),
      );
      return await sendMasks(reply, prediction, query.shape);
    },
  });

  /** The image of a request and the fields beside it, in either of the two forms they come in. */
  async function receive(
    request: FastifyRequest,
  ): Promise<{ file: ImageFile; fields: PromptRequest }> {
    const body = request.body as SegmentRequest | undefined;
    if (request.isMultipart() || body === undefined) {
      const { file, fields } = await readForm(request, uploads, FIELDS);
      setBadPromptsAside(request, fields);
      return { file, fields: validated(request, PromptRequest, fields) };
    }
    const { image, ...fields } = body;
    return { file: await receiveNamed(image, request, uploads, remote), fields };
  }
}
