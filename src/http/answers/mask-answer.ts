import '@fastify/accepts';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SamError } from '../../core/errors.js';
import { MASK_FORMATS, type MaskFormat, MEDIA_TYPES } from '../../core/mask.js';
import type { Prediction } from '../../service/prediction.js';
import type { Pieces } from '../hooks/slow-readers.js';
import { bytes, json } from '../routes/document.js';
import { DecodeResponse } from '../schemas/responses.js';
import { collectionPieces, fileOf, headersOf, jsonPieces, partPieces } from './mask-pieces.js';

const JSON_TYPE = 'application/json';
/** As the framework says it of what it has serialized itself. */
const JSON_TYPE_UTF8 = `${JSON_TYPE}; charset=utf-8`;
/** Answers of no more bytes are sent as a whole. */
const SMALL_BYTES = 2 ** 20;
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

/** Sends a prediction as it was asked for: a small answer as a whole, a large one mask by mask. */
export async function sendMasks(
  reply: FastifyReply,
  prediction: Prediction,
  { shape, format }: MaskAnswer,
): Promise<FastifyReply> {
  reply.header('vary', 'accept');
  const { bytes, embedding, results } = prediction;
  if (shape === 'json') {
    const pieces = jsonPieces(prediction, reply.elapsedTime, reply.request.id);
    reply.type(JSON_TYPE_UTF8);
    return reply.send(bytes > SMALL_BYTES ? Readable.from(pieces) : await joined(pieces));
  }
  reply.header('x-embedding-id', embedding.id);
  if (shape === 'parts') {
    const boundary = randomUUID();
    reply.type(`${MULTIPART}; boundary=${boundary}`);
    return reply.send(Readable.from(partPieces(prediction, format, boundary)));
  }
  reply.type(MEDIA_TYPES[format]);
  if (format === 'geojson') return reply.send(Readable.from(collectionPieces(prediction)));
  const [best] = results[0]?.masks ?? [];
  if (!best) throw new Error('no mask was decoded');
  return reply.headers(headersOf(best)).send(await fileOf(best, prediction));
}

async function joined(pieces: Pieces): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) {
    parts.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
  }
  return Buffer.concat(parts);
}
