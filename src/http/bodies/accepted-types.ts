import type { FastifyRequest } from 'fastify';
import { SamError } from '../../core/errors.js';

/** A body of a type that its route does not take, with those that it takes. */
export function unacceptedType({ headers, routeOptions }: FastifyRequest): SamError {
  const type = headers['content-type'];
  const given = type === undefined ? 'there is no content-type' : `the content-type is ${type}`;
  const accepted = acceptedTypes(routeOptions.schema?.body);
  const message = `${given}, which this route does not accept: send ${accepted}`;
  return new SamError('unsupported-media-type', message);
}

/** The types of a body as its route documents them; a schema alone is of JSON. */
function acceptedTypes(body: unknown): string {
  const { content } = (body ?? {}) as { content?: Record<string, unknown> };
  const types = content ? Object.keys(content) : body ? ['application/json'] : [];
  return types.length > 0 ? types.join(', ') : 'no body';
}
