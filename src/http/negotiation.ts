import '@fastify/accepts';
import type { FastifyRequest } from 'fastify';
import { SamError } from '../core/errors.js';
import { MASK_FORMATS, type MaskFormat, MEDIA_TYPES } from '../core/mask.js';
import { JSON_TYPE, MASK_FILE_TYPES, MULTIPART, PNG } from './schemas/media-types.js';

/** How masks are to be answered, by `format` and `Accept`. */
export interface MaskAnswer {
  /**
   * All masks as JSON; the best mask, or all as one collection, as the body itself; all as parts of one body; the
   * photograph with the best masks on it.
   */
  readonly shape: 'json' | 'file' | 'parts' | 'picture';
  readonly format: MaskFormat;
}

/**
 * The type of the answer: of the offers the one that `Accept` likes best.
 * @param what the answer is, for the message.
 * @throws SamError `not-acceptable`
 */
export function negotiate<const T extends string>(
  request: FastifyRequest,
  offers: readonly T[],
  what = 'this',
): T {
  const accepted = request.accepts().type([...offers]);
  const type = offers.find((offer) => offer === accepted);
  if (type !== undefined) return type;
  throw new SamError('not-acceptable', `${what} is available as ${offers.join(', ')}`);
}

/**
 * Decides how to answer: JSON unless `Accept` names a file or `multipart/mixed`.
 * @param format the client's; without one a file is in the format that `Accept` says, and JSON has `rle`.
 * @throws SamError `not-acceptable` when the two do not go together
 */
export function negotiateMasks(
  request: FastifyRequest,
  format: MaskFormat | undefined,
): MaskAnswer {
  const files = format
    ? MASK_FILE_TYPES.filter((type) => type === MEDIA_TYPES[format])
    : MASK_FILE_TYPES;
  const what = format ? `the format ${format}` : 'a mask';
  const type = negotiate(request, [JSON_TYPE, ...files, MULTIPART], what);
  if (type === JSON_TYPE) return { shape: 'json', format: format ?? 'rle' };
  if (type === MULTIPART) return { shape: 'parts', format: format ?? 'png' };
  const named = format ?? MASK_FORMATS.find((name) => MEDIA_TYPES[name] === type);
  return { shape: 'file', format: named as MaskFormat };
}

/** A picture is drawn from the shortest form of masks. @throws SamError `not-acceptable` */
export function negotiatePicture(request: FastifyRequest): MaskAnswer {
  negotiate(request, [PNG]);
  return { shape: 'picture', format: 'rle' };
}
