/**
 * Every way a request can fail, by name. The catalogue knows no HTTP: `http/problems.ts` maps each
 * code to a status, and a test holds the two and `openapi.yaml` together.
 */
export const ERROR_CODES = [
  'malformed-request',
  'invalid-request',
  'unauthorized',
  'forbidden',
  'rate-limited',
  'unsupported-media-type',
  'not-acceptable',
  'payload-too-large',
  'image-unreadable',
  'image-too-large',
  'image-abandoned',
  'source-not-allowed',
  'source-unavailable',
  'prompt-invalid',
  'too-many-prompts',
  'masks-too-large',
  'answer-too-large',
  'embedding-not-found',
  'embedding-mismatch',
  'not-deleted',
  'logits-not-found',
  'not-found',
  'method-not-allowed',
  'header-timeout',
  'request-timeout',
  'headers-too-large',
  'overloaded',
  'queue-timeout',
  'inference-timeout',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** How many things wrong with a request are listed, and how long the words are: a client may get everything wrong. */
export const MAX_VIOLATIONS = 20;
const MAX_LENGTH = 1000;

/** One thing wrong with a request: `path` is a JSON pointer into what the client sent. */
export interface Violation {
  readonly path: string;
  readonly message: string;
}

/**
 * A failure the client may be told about. Anything else that is thrown is an internal error, of
 * which a client learns nothing but the request id.
 */
export class SamError extends Error {
  readonly code: ErrorCode;
  /** The first of them. */
  readonly violations: readonly Violation[];
  /** Seconds after which it is worth trying again, when waiting helps. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { violations?: readonly Violation[]; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(shortened(message), { cause: options.cause });
    this.name = 'SamError';
    this.code = code;
    const violations = options.violations?.slice(0, MAX_VIOLATIONS) ?? [];
    this.violations = violations.map((violation) => ({
      path: shortened(violation.path),
      message: shortened(violation.message),
    }));
    this.retryAfter = options.retryAfter;
  }
}

function shortened(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/**
 * What is wrong with one field.
 * @param path a JSON pointer to the field. @param message what it must be, without the path.
 */
export function violation(code: ErrorCode, path: string, message: string): SamError {
  return new SamError(code, `${path} ${message}`.trim(), { violations: [{ path, message }] });
}

/** The process cannot start with what it was given. The message tells the operator what to change. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';
}

/** The device that networks run on is lost to this process, which only a restart mends. */
export class DeviceLost extends OperatorError {
  override readonly name = 'DeviceLost';
}
