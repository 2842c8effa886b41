import '@fastify/accepts';
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { SamError } from '../core/errors.js';
import { MASK_FORMATS, type Mask, type MaskFormat, MEDIA_TYPES } from '../core/mask.js';
import type { Prediction } from '../service/predictor.js';
import { bytes, json } from './document.js';
import { DecodeResponse } from './response-schemas.js';
import { rounded } from './timings.js';

const JSON_TYPE = 'application/json';
const MULTIPART = 'multipart/mixed';
/** What a mask may be as the body itself; a format that is JSON comes inside of the usual answer. */
const FILE_TYPES = [...new Set<string>(Object.values(MEDIA_TYPES))].filter(
  (type) => type !== JSON_TYPE,
);

/** How a request is to be answered, by its `format` and `Accept`. */
export interface MaskAnswer {
  /** All masks as JSON; the best mask, or all as one collection, as the body itself; all as parts of one body. */
  readonly shape: 'json' | 'file' | 'parts';
  readonly format: MaskFormat;
}

/** The answers of a route with masks, for the document. */
export const MASK_ANSWERS = {
  ...json(DecodeResponse, 'The masks as JSON, the best mask as a file, or all masks as parts.'),
  content: {
    ...json(DecodeResponse, '').content,
    ...bytes(...FILE_TYPES, MULTIPART),
  },
};

/**
 * Decides how to answer: JSON unless `Accept` names a file or `multipart/mixed`.
 * @param format the client's; without one a file is in the format that `Accept` says, and JSON has `rle`.
 * @throws SamError `not-acceptable` when the two do not go together
 */
export function negotiate(request: FastifyRequest, format: MaskFormat | undefined): MaskAnswer {
  const files = format ? FILE_TYPES.filter((type) => type === MEDIA_TYPES[format]) : FILE_TYPES;
  const type = request.accepts().type([JSON_TYPE, ...files, MULTIPART]);
  if (type === JSON_TYPE) return { shape: 'json', format: format ?? 'rle' };
  if (type === MULTIPART) return { shape: 'parts', format: format ?? 'png' };
  const named = format ?? MASK_FORMATS.find((name) => MEDIA_TYPES[name] === type);
  if (typeof type === 'string' && named) return { shape: 'file', format: named };
  const offer = [JSON_TYPE, ...files, MULTIPART].join(', ');
  throw new SamError('not-acceptable', `${format ?? 'masks'} can be had as ${offer}`);
}

/**
 * Checks that one body can hold the answer.
 * @throws SamError `invalid-request`
 */
export function checkAnswer({ shape, format }: MaskAnswer, prompts: number): void {
  if (shape === 'file' && format !== 'geojson' && prompts > 1) {
    const message = `one ${MEDIA_TYPES[format]} answers one prompt: accept ${MULTIPART} for all masks`;
    throw new SamError('invalid-request', message);
  }
}

/** Sends a prediction as it was asked for. */
export function sendMasks(
  reply: FastifyReply,
  prediction: Prediction,
  { shape, format }: MaskAnswer,
): FastifyReply {
  reply.header('vary', 'accept');
  if (shape === 'json') return reply.send(present(prediction, reply.elapsedTime));
  reply.header('x-embedding-id', prediction.embedding.id);
  if (shape === 'parts') return sendParts(reply, prediction, format);
  reply.type(MEDIA_TYPES[format]);
  if (format === 'geojson') return reply.send(Buffer.from(JSON.stringify(collect(prediction))));
  const [best] = prediction.results[0]?.masks ?? [];
  if (!best) throw new Error('no mask was decoded');
  return reply.headers(scores(best)).send(fileOf(best));
}

/** A prediction as JSON, `elapsed` milliseconds after its request came. */
function present(
  { embedding, results, timings }: Prediction,
  elapsed: number,
): Static<typeof DecodeResponse> {
  const { id, image } = embedding;
  const rest = { results: [...results], timings: rounded({ ...timings, total_ms: elapsed }) };
  return { embedding_id: id, ...image, ...rest };
}

/** RFC 2046: every mask a part with its own headers. */
function sendParts(reply: FastifyReply, { results }: Prediction, format: MaskFormat): FastifyReply {
  const boundary = randomUUID();
  const parts = results.flatMap(({ masks }, prompt) =>
    masks.flatMap((mask, i) => {
      const headers = {
        'content-type': MEDIA_TYPES[format],
        'content-disposition': `inline; name="${prompt}/${i}"`,
        ...scores(mask),
      };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      return [`\r\n--${boundary}\r\n${lines.join('')}\r\n`, fileOf(mask)];
    }),
  );
  reply.type(`${MULTIPART}; boundary=${boundary}`);
  return reply.send(
    Buffer.concat([...parts, `\r\n--${boundary}--\r\n`].map((part) => Buffer.from(part))),
  );
}

/** What the fields beside a mask say of it, for masks that are files. */
function scores({ predicted_iou, stability_score, bbox, area, logits_token }: Mask) {
  return {
    'x-predicted-iou': predicted_iou,
    'x-stability-score': stability_score,
    'x-bbox': bbox.join(','),
    'x-area': area,
    ...(logits_token && { 'x-logits-token': logits_token }),
  };
}

/** A mask as a file of its own. */
function fileOf({ segmentation }: Mask): Buffer {
  if ('png' in segmentation) return Buffer.from(segmentation.png, 'base64');
  if ('data' in segmentation) return Buffer.from(segmentation.data, 'base64');
  if ('svg' in segmentation) return Buffer.from(segmentation.svg);
  if ('geojson' in segmentation) return Buffer.from(JSON.stringify(segmentation.geojson));
  return Buffer.from(JSON.stringify(segmentation));
}

/** All masks as one FeatureCollection; each feature says which prompt it answers. */
function collect({ results }: Prediction) {
  const features = results.flatMap(({ masks }, prompt) =>
    masks.flatMap(({ segmentation }) =>
      'geojson' in segmentation
        ? segmentation.geojson.features.map((feature) => ({
            ...feature,
            properties: { prompt, ...feature.properties },
          }))
        : [],
    ),
  );
  return { type: 'FeatureCollection', features };
}
