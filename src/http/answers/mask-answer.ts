import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { MEDIA_TYPES } from '../../core/mask.js';
import type { Prediction } from '../../service/prediction.js';
import type { Picture } from '../../service/segmenter.js';
import type { MaskAnswer } from '../negotiation.js';
import { JSON_TYPE_UTF8, MULTIPART, PNG } from '../schemas/media-types.js';
import { collectionPieces, fileOf, headersOf, jsonPieces, partPieces } from './mask-pieces.js';
import type { Pieces } from './pieces.js';

/** Answers of no more bytes are sent as a whole. */
const SMALL_BYTES = 2 ** 20;

/** Sends a prediction as it was asked for: a small answer as a whole, a large one mask by mask. */
export async function sendMasks(
  reply: FastifyReply,
  prediction: Prediction,
  shape: MaskAnswer['shape'],
): Promise<FastifyReply> {
  reply.header('vary', 'accept');
  const { bytes, embedding, results } = prediction;
  const { format } = prediction.options;
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

/** Sends a photograph with masks drawn on it. */
export function sendPicture(reply: FastifyReply, { embeddingId, png }: Picture): FastifyReply {
  return reply.type(PNG).header('x-embedding-id', embeddingId).send(Buffer.from(png));
}

async function joined(pieces: Pieces): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) {
    parts.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
  }
  return Buffer.concat(parts);
}
