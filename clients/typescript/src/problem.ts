import type { Problem } from './openapi.js';

/** An answer of the service that is a problem. */
export class SamProblem extends Error {
  override readonly name = 'SamProblem';
  /** Stable, to be told apart by: `/problems/overloaded`; `about:blank` where something before the service answered. */
  readonly type: Problem['type'] | 'about:blank';
  readonly status: number;
  /** To quote when asking the operator. */
  readonly requestId: string | undefined;
  /** What is wrong with which field. */
  readonly errors: NonNullable<Problem['errors']>;
  /** Milliseconds after which the service wants to be asked again. */
  readonly retryAfter: number | undefined;

  constructor(problem: Partial<Problem> & { readonly status: number }, retryAfter?: number) {
    super(problem.detail ?? problem.title ?? `the answer has status ${problem.status}`);
    this.type = problem.type ?? 'about:blank';
    this.status = problem.status;
    this.requestId = problem.requestId;
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }
}
