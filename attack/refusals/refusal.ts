import type { ErrorCode } from '../../src/core/errors.js';

/** One way to be refused: what is sent, and the status and code of the problem that must come back. */
export type Refusal = readonly [
  name: string,
  status: number,
  code: ErrorCode,
  send: () => Promise<Response>,
];
