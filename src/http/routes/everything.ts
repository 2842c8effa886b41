import '@fastify/accepts';
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Type } from 'typebox';
import type { Caller } from '../../core/caller.js';
import type { Embedding } from '../../core/embedding.js';
import { SamError, violation } from '../../core/errors.js';
import type { EverythingMask } from '../../core/everything.js';
import type { Box } from '../../core/prompt.js';
import { drawn } from '../../service/cutouts.js';
import type { Embeddings } from '../../service/embeddings.js';
import {
  cocoFile,
  eventLines,
  featureCollection,
  GEOJSON,
  maskList,
  NDJSON,
  untilDone,
} from '../answers/everything-answer.js';
import { readForm } from '../bodies/form.js';
import { readEverything } from '../bodies/prompts/everything-fields.js';
import { OverlayQuery, validated } from '../bodies/prompts/prompts.js';
import type { Upload } from '../bodies/uploads.js';
import type { Context, Server } from '../context.js';
import {
  CocoFile,
  EverythingFields,
  EverythingRequest,
  EverythingResponse,
} from '../schemas/everything.js';
import { ref } from '../schemas/schema.js';
import { bytes, jsonBodiesOnly, problems } from './document.js';

const FIELDS = Object.keys(EverythingFields.properties);
const JSON_TYPE = 'application/json; charset=utf-8';

/** The bodies of its answers, for the document. */
const ANSWERS: Readonly<Record<string, { schema: TSchema }>> = {
  'application/json': { schema: Type.Union([ref(EverythingResponse), ref(CocoFile)]) },
  ...bytes(GEOJSON, NDJSON, 'image/png'),
};

/** `POST /everything`: all objects of an image. */
export async function everythingRoute(server: Server, context: Context): Promise<void> {
  const { models, generator, images, uploads, room } = context;
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
      response: {
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
          'unsupported-media-type',
          'image-unreadable',
          'image-too-large',
          'overloaded',
          'queue-timeout',
          'inference-timeout',
        ),
      },
    },
    validatorCompiler: jsonBodiesOnly(server),
    onRequest: async (request) =>
      room[request.isMultipart() ? 'images' : 'prompts'](request.caller),
    handler: async (request, reply) => {
      const overlay = request.query.overlay === '1';
      const type = negotiate(request, overlay);
      const { caller } = request;
      if (overlay && !request.isMultipart()) throw photographNeeded('/overlay');
      const { fields, upload, find } = await receive(request, request.query.model);
      const { options, parameters, pointGrids } = readEverything(fields, overlay, type);
      const { embedding, embeddings } = await find();
      request.notes = { embedding: embedding.id };
      const { id: embedding_id, image: size } = embedding;
      const job = {
        ...{ embedding, parameters, pointGrids, options, live: type === NDJSON },
        embedCrop:
          upload &&
          ((crop: Box, caller: Caller) =>
            embeddings.embedCrop(embedding, upload.image, crop, caller)),
      };
      const events = generator.generate(job, caller);
      if (type === NDJSON) {
        reply.type(NDJSON).header('cache-control', 'no-cache');
        const start = { type: 'start', embedding_id, ...size };
        return await reply.send(Readable.from(eventLines(start, events, request)));
      }
      // Whether and how much there is to answer is known before the first mask is written.
      await untilDone(events);
      if (!upload || !overlay) {
        const head = { embedding_id, ...size };
        if (type === GEOJSON) {
          reply.type(GEOJSON).header('x-embedding-id', embedding_id);
          return await reply.send(Readable.from(featureCollection(events)));
        }
        const pieces =
          fields.format === 'coco'
            ? cocoFile(head, events)
            : maskList(head, events, () => reply.elapsedTime);
        return await reply.type(JSON_TYPE).send(Readable.from(pieces));
      }
      const masks: EverythingMask[] = [];
      for await (const event of events) if (event.type === 'mask') masks.push(event.mask);
      // Small objects lie on large ones.
      const runs = masks.toSorted((a, b) => b.area - a.area).map(drawn);
      const task = { image: upload.image, masks: runs, prompts: [] };
      const picture = await images.overlay(task, caller);
      reply.type('image/png').header('x-embedding-id', embedding_id);
      return await reply.send(Buffer.from(picture));
    },
  });

  /** The fields of a request, and where its image comes from. */
  async function receive(
    request: FastifyRequest,
    model: string | undefined,
  ): Promise<{
    fields: Static<typeof EverythingFields>;
    upload?: Upload;
    find: () => Promise<{ embedding: Embedding; embeddings: Embeddings }>;
  }> {
    if (!request.isMultipart()) {
      const { embedding_id, ...fields } = request.body as Static<typeof EverythingRequest>;
      const find = async () => {
        const served = models.of(embedding_id);
        const { embedding } = await served.embeddings.find(embedding_id, request.owner);
        await served.load();
        return { embedding, embeddings: served.embeddings };
      };
      return { fields, find };
    }
    const { upload, fields } = await readForm(request, uploads, FIELDS);
    const find = async () => {
      const { image, sha256 } = upload;
      const embeddings = await models.named(model);
      const { caller, owner } = request;
      const { embedding } = await embeddings.embed(image, sha256, caller, owner);
      return { embedding, embeddings };
    };
    return { fields: validated(request, EverythingFields, fields), upload, find };
  }
}

function photographNeeded(path: string): SamError {
  const message = 'needs the image, which the server does not store: send a form with image';
  return violation('invalid-request', path, message);
}

/** @throws SamError `not-acceptable` */
function negotiate(request: FastifyRequest, overlay: boolean): string {
  const offer = overlay ? ['image/png'] : ['application/json', NDJSON, GEOJSON];
  const type = request.accepts().type(offer);
  if (typeof type === 'string') return type;
  throw new SamError('not-acceptable', `this is available as ${offer.join(' or ')}`);
}
