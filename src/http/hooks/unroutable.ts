import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { SamError } from '../../core/errors.js';
import type { Server } from '../context.js';

/** No route has it, whatever routes there are. */
const NOWHERE = '//';

const REASONS: Record<string, string> = {
  FST_ERR_BAD_URL:
    'the path cannot be read: write what is not a letter or digit as %XX of its UTF-8',
  FST_ERR_MAX_PARAM_LENGTH: 'a name in the path is too long',
};

/**
 * What Node and the router would answer by themselves, in words of their own, or not at all: such requests go the way
 * of all others, so that they are counted and logged, and are refused with a problem like any other.
 */
export class Unroutable {
  readonly #reasons = new WeakMap<IncomingMessage, string>();

  /** For the framework's option of that name: paths that the router cannot read. */
  readonly frameworkErrors = (
    error: FastifyError,
    { raw, server }: FastifyRequest,
    reply: FastifyReply,
  ): void => {
    this.#reasons.set(raw, REASONS[error.code] ?? 'the path cannot be read');
    raw.url = NOWHERE;
    server.routing(raw, reply.raw);
  };

  /** To be called after the hooks that count and log. */
  refuseOn(server: Server): void {
    server.server.on('checkExpectation', (raw: IncomingMessage, answer: ServerResponse) => {
      this.#reasons.set(raw, 'the header expect may say 100-continue only');
      server.server.emit('request', raw, answer);
    });
    server.addHook('onRequest', async ({ raw }) => {
      const reason = this.#reasons.get(raw);
      if (reason) throw new SamError('malformed-request', reason);
    });
  }
}
