import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, MAX_VIOLATIONS, SamError, type Violation } from '../core/errors.js';
import { unacceptedType } from './bodies/accepted-types.js';
import { nameHint, shapeOf } from './bodies/prompts/shapes.js';

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
  'source-not-allowed': { status: 422, title: 'Images are not fetched from there' },
  'source-unavailable': { status: 422, title: 'The image could not be fetched' },
  'prompt-invalid': { status: 422, title: 'The prompt does not fit the image' },
  'too-many-prompts': { status: 413, title: 'Too many prompts or points' },
  'masks-too-large': { status: 413, title: 'The masks would have too many pixels' },
  'answer-too-large': { status: 413, title: 'The answer would have too many bytes' },
  'embedding-not-found': { status: 404, title: 'No such embedding' },
  'embedding-mismatch': { status: 409, title: 'The embedding is of another model or precision' },
  'not-deleted': { status: 503, title: 'The embedding could not be deleted from disk' },
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

/** Answers every error of every route, and logs those that are ours. */
export function handleError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (request.departure.aborted) {
    // Nobody reads the answer; the status is the one proxies log for a client that went away.
    return reply.code(499).send();
  }
  const known = isUnacceptedType(error) ? unacceptedType(request) : asSamError(error, request.body);
  request.problem = known.code;
  if (known.code === 'internal') request.log.error({ err: error }, 'request failed');
  if (known.retryAfter !== undefined) reply.header('retry-after', known.retryAfter);
  const problem = problemOf(known, request.id);
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

/** Whether the framework has no parser for the type of a body. */
function isUnacceptedType(error: FastifyError): boolean {
  return !(error instanceof SamError) && error.statusCode === 415;
}

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

/**
 * Schema violations, with the path of what is wrong rather than of the schema.
 * @param place names the whole that they are in.
 * @param value that whole.
 */
export function invalid(findings: readonly Finding[], place: string, value?: unknown): SamError {
  const isForm = place === FORM;
  const listed = findings.slice(0, MAX_VIOLATIONS).map((found) => violation(found, value, isForm));
  const words = listed.map(({ path, message }) => `${path || place} ${message}`);
  const more = findings.length - listed.length;
  if (more > 0) words.push(`and ${more} more`);
  return new SamError('invalid-request', words.join('; '), { violations: listed });
}

/** The name of a form as the whole that something is wrong with. */
export const FORM = 'the form';

/** What the validator says of one thing that is wrong. */
interface Finding {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string;
  readonly params: Record<string, unknown>;
}

/** Keywords whose findings say that a value is of another shape. */
const SHAPE_KEYWORDS = ['type', 'minItems', 'maxItems', 'enum', 'minProperties', 'maxProperties'];

/** One finding of the validator, in words for a client. */
function violation(found: Finding, value: unknown, isForm: boolean): Violation {
  const { keyword, instancePath: path, message = 'is not valid', params } = found;
  const extra = params['additionalProperty'];
  if (keyword === 'additionalProperties' && typeof extra === 'string') {
    const hint = nameHint(extra);
    const words = `is not a known field${hint ? `: ${hint}` : ''}`;
    return { path: `${path}/${extra}`, message: words };
  }
  const missing = params['missingProperty'];
  if (keyword === 'required' && typeof missing === 'string') {
    const shape = shapeOf(`${path}/${missing}`, undefined, isForm);
    return { path: `${path}/${missing}`, message: `is missing${shape ? `: it ${shape}` : ''}` };
  }
  const shape = SHAPE_KEYWORDS.includes(keyword) ? shapeOf(path, value, isForm) : undefined;
  if (shape) return { path, message: shape };
  const values = params['allowedValues'];
  if (Array.isArray(values)) return { path, message: `must be one of ${values.join(', ')}` };
  return { path, message: TYPES[message] ?? message };
}

/** What the validator calls types, as they are written. */
const TYPES: Record<string, string> = {
  'must be boolean': 'must be true or false, without quotes',
  'must be integer': 'must be a whole number, without quotes',
  'must be number': 'must be a number, without quotes',
  'must be array': 'must be a list, […]',
  'must be object': 'must be an object, {"name": value}',
  'must be string': 'must be text, in quotes',
};
