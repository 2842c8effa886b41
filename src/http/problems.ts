import type { ErrorCode, SamError, Violation } from '../core/errors.js';

/** Status and title of every error: the one place where the domain's failures meet HTTP. */
export const PROBLEMS: Record<ErrorCode, { status: number; title: string }> = {
  'malformed-request': { status: 400, title: 'The request cannot be parsed' },
  'invalid-request': { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'No valid key' },
  forbidden: { status: 403, title: 'The key does not open this' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'unsupported-media-type': { status: 415, title: 'This content type is not accepted' },
  'not-acceptable': { status: 406, title: 'No acceptable representation' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'image-unreadable': { status: 422, title: 'The image cannot be decoded' },
  'image-too-large': { status: 422, title: 'The image has too many pixels' },
  'image-abandoned': { status: 422, title: 'The image has ended the processes that encode it' },
  'source-not-allowed': { status: 422, title: 'Images are not fetched from there' },
  'source-unavailable': { status: 422, title: 'The image could not be fetched' },
  'prompt-invalid': { status: 422, title: 'The prompt does not fit the image' },
  'too-many-prompts': { status: 413, title: 'Too many prompts or points' },
  'masks-too-large': { status: 413, title: 'The masks would have too many pixels' },
  'answer-too-large': { status: 413, title: 'The answer would have too many bytes' },
  'embedding-not-found': { status: 404, title: 'No such embedding' },
  'embedding-mismatch': { status: 409, title: 'The embedding is of another model or precision' },
  'not-deleted': { status: 503, title: 'The embedding could not be deleted for good' },
  'logits-not-found': { status: 404, title: 'No such logits' },
  'not-found': { status: 404, title: 'No such resource' },
  'method-not-allowed': { status: 405, title: 'Method not allowed' },
  'header-timeout': { status: 408, title: 'The header took too long to arrive' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'headers-too-large': { status: 431, title: 'The request header is too large' },
  overloaded: { status: 503, title: 'The service is busy' },
  'queue-timeout': { status: 503, title: 'No worker was free in time' },
  'inference-timeout': { status: 504, title: 'The work took too long' },
  internal: { status: 500, title: 'Internal error' },
};

/** An error as RFC 9457 lays it out. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string;
  readonly errors?: readonly Violation[];
}

/** The problem document of an error. */
export function problemOf(error: SamError, requestId: string): Problem {
  const { status, title } = PROBLEMS[error.code];
  const problem = {
    type: `/problems/${error.code}`,
    title,
    status,
    detail: error.message,
    requestId,
  };
  return error.violations.length > 0 ? { ...problem, errors: error.violations } : problem;
}
