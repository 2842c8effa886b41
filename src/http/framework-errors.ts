import type { FastifyError } from 'fastify';
import { type ErrorCode, SamError } from '../core/errors.js';
import { invalid } from './bodies/findings.js';

/**
 * The framework's own errors in our words; whatever nobody foresaw becomes `internal`.
 * @param body what violations of a schema are in, where they are in the body.
 */
export function asSamError(error: Error & Partial<FastifyError>, body?: unknown): SamError {
  if (error instanceof SamError) return error;
  if (error.validation) {
    const place = error.validationContext ?? 'request';
    return invalid(error.validation, place, place === 'body' ? body : undefined);
  }
  const known = FRAMEWORK_ERRORS[error.code ?? ''];
  if (known) return new SamError(known.code, known.detail);
  const status = error.statusCode ?? 500;
  if (status === 413) return new SamError('payload-too-large', 'the body is too large');
  if (status >= 400 && status < 500) return new SamError('malformed-request', error.message);
  return new SamError('internal', 'the request failed; the log has more under its request id');
}

const ACCEPTED = 'the content-type is none that this route accepts';

const FRAMEWORK_ERRORS: Record<string, { code: ErrorCode; detail: string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'payload-too-large', detail: 'the body is too large' },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'malformed-request', detail: 'the body is empty' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'malformed-request', detail: 'the body is not JSON' },
  FST_REQ_FILE_TOO_LARGE: { code: 'payload-too-large', detail: 'the image is too large' },
  FST_FILES_LIMIT: { code: 'invalid-request', detail: 'the form must hold one file only' },
  FST_PARTS_LIMIT: { code: 'payload-too-large', detail: 'the form has too many parts' },
  FST_FIELDS_LIMIT: { code: 'payload-too-large', detail: 'the form has too many fields' },
  FST_STATIC_FORBIDDEN_PATH: { code: 'not-found', detail: 'there is no such file' },
  FST_INVALID_MULTIPART_CONTENT_TYPE: { code: 'unsupported-media-type', detail: ACCEPTED },
};
