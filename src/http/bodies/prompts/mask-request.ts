import type { FastifyRequest } from 'fastify';
import { SamError, violation } from '../../../core/errors.js';
import { MEDIA_TYPES } from '../../../core/mask.js';
import { isSearch, type Prompt } from '../../../core/prompt.js';
import type { MaskQuery } from '../../../service/prediction.js';
import { type MaskAnswer, negotiateMasks } from '../../negotiation.js';
import { MULTIPART } from '../../schemas/media-types.js';
import type { PromptRequest } from '../../schemas/requests.js';
import { badPromptsOf } from './bad-prompts.js';
import { checkFinding, readFind } from './find-options.js';
import { checkFormatFields, readOptions } from './mask-options.js';
import { readPrompts } from './prompts.js';

/** Room for 64 prompts with a float16 `mask_input` each. */
export const PROMPTS_LIMIT = 16 * 2 ** 20;

/** A request for masks: what it asks, and how it is to be answered. */
export interface MaskRequest extends MaskQuery {
  readonly shape: MaskAnswer['shape'];
  /** Whether the one prompt stood at the top level. */
  readonly single: boolean;
}

/**
 * Takes the fields of a request that have passed their schema.
 * @param answer how it is to be answered.
 * @throws SamError `not-acceptable`, and `invalid-request` when fields stand together that exclude each other
 */
export function readMaskRequest(
  request: FastifyRequest,
  fields: PromptRequest,
  answer: MaskAnswer = negotiateMasks(request, fields.format),
): MaskRequest {
  const { clip = false, on_error: onError = 'fail' } = fields;
  const { prompts, single } = readPrompts(fields);
  const { shape, format } = answer;
  const options = { ...readOptions(fields), format };
  if (shape === 'file' && format !== 'geojson' && count(prompts) > 1) {
    const message = `one ${MEDIA_TYPES[format]} answers one prompt or phrase: accept ${MULTIPART} for all masks`;
    throw new SamError('invalid-request', message);
  }
  if (onError === 'result' && shape !== 'json') {
    const message = 'result is for answers in JSON: accept application/json';
    throw violation('invalid-request', '/on_error', message);
  }
  checkFormatFields(options, format);
  checkFinding(fields, prompts.some(isSearch), 'text and exemplar');
  return {
    ...{ prompts, options, single, shape },
    unreadable: badPromptsOf(request),
    leniency: { clip, onError },
    masks: shape === 'file' || shape === 'picture' ? 'best' : 'all',
    find: readFind(fields),
  };
}

/** Results that prompts have: one for each, or for each phrase of its text. */
function count(prompts: readonly Prompt[]): number {
  return prompts.reduce(
    (sum, { text = '' }) => sum + (typeof text === 'string' ? 1 : text.length),
    0,
  );
}
