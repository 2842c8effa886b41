import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCode, SamError } from '../core/errors.js';
import type { RequestCounts } from './context.js';
import { problemOf } from './problems.js';

/** What Node's parser refuses, and what takes too long to arrive, is answered in the same form all the same. */
export class Unparsable {
  readonly #counts: RequestCounts;
  readonly #latest = new WeakMap<Socket, { request: IncomingMessage; answer: ServerResponse }>();

  constructor(counts: RequestCounts) {
    this.#counts = counts;
  }

  /** To be told of each request whose header is complete, for what may become of its body. */
  begun(request: IncomingMessage, answer: ServerResponse): void {
    this.#latest.set(request.socket, { request, answer });
  }

  readonly refuse = (error: NodeJS.ErrnoException, socket: Socket): void => {
    const latest = this.#latest.get(socket);
    const receiving = latest !== undefined && !latest.request.complete;
    const answered = receiving && latest.answer.headersSent;
    if (error.code === 'ECONNRESET' || !socket.writable || answered) {
      socket.destroy();
      return;
    }
    const [code, detail] = describe(error.code, receiving);
    this.#counts.rejected(code);
    const problem = problemOf(new SamError(code, detail), randomUUID());
    const body = JSON.stringify(problem);
    const text =
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
    // A client that goes on sending, or never closes, is not waited for.
    socket.end(text, () => socket.destroy());
  };
}

function describe(code: string | undefined, receiving: boolean): [ErrorCode, string] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return receiving
        ? ['request-timeout', 'the body took too long to arrive']
        : ['header-timeout', 'the header took too long to arrive'];
    case 'HPE_HEADER_OVERFLOW':
      return ['headers-too-large', 'the header is too large'];
    default:
      return ['malformed-request', 'the request is not HTTP'];
  }
}
