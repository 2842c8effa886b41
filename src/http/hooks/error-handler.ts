import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { SamError } from '../../core/errors.js';
import { unacceptedType } from '../bodies/accepted-types.js';
import { hasTinyChunks, tinyChunks } from '../bodies/reading/chunks.js';
import { asSamError } from '../framework-errors.js';
import { problemOf } from '../problems.js';

/** Answers every error of every route, and logs those that are ours. */
export function handleError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (request.caller?.signal.aborted) {
    // Nobody reads the answer; the status is the one proxies log for a client that went away.
    return reply.code(499).send();
  }
  const known = knownError(error, request);
  request.problem = known.code;
  if (known.code === 'internal') request.log.error({ err: error }, 'request failed');
  if (known.retryAfter !== undefined) reply.header('retry-after', known.retryAfter);
  const problem = problemOf(known, request.id);
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

function knownError(error: FastifyError, request: FastifyRequest): SamError {
  // Whoever read the body saw it end early, and may blame that.
  if (hasTinyChunks(request.raw)) return tinyChunks('the body');
  return isUnacceptedType(error) ? unacceptedType(request) : asSamError(error, request.body);
}

/** Whether the framework has no parser for the type of a body. */
function isUnacceptedType(error: FastifyError): boolean {
  return !(error instanceof SamError) && error.statusCode === 415;
}
