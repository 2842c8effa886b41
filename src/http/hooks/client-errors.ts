import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCode, SamError } from '../../core/errors.js';
import type { RequestCounts, Server } from '../context.js';
import { problemOf } from '../problems.js';

/** How long a client whose connection has ended may take to read why: closed at once, it might not get to see it. */
const LINGER_MS = 1000;

/** The last request of a connection, and the answer that still has to be out before its own. */
interface Latest {
  readonly request: IncomingMessage;
  readonly answer: ServerResponse;
  readonly before: ServerResponse | undefined;
}

/**
 * What Node's parser refuses, and what takes too long to arrive, is answered in the same form as all else, once the
 * requests before it have their answers; then the connection ends.
 */
export class ClientErrors {
  readonly #counts: RequestCounts;
  readonly #latest = new WeakMap<Socket, Latest>();
  readonly #refused = new WeakSet<Socket>();

  constructor(counts: RequestCounts) {
    this.#counts = counts;
  }

  /** To be called before the server listens. */
  watch({ server }: Server): void {
    // Before the framework gets them: it may answer at once.
    server.prependListener('request', (request, answer) => {
      const before = this.#latest.get(request.socket)?.answer;
      this.#latest.set(request.socket, { request, answer, before });
    });
    server.on('connect', (_request, socket: Socket) => {
      // Node has taken its own listeners away, and an error that nobody hears ends the process.
      socket.on('error', () => socket.destroy());
      const detail = 'this is no proxy: send a request with a path, such as GET /healthz';
      this.#refuse(socket, 'malformed-request', detail);
    });
  }

  /** For the server's `clientError`. */
  readonly refuse = (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else this.#refuse(socket, ...describe(error.code, isReceiving(this.#latest.get(socket))));
  };

  #refuse(socket: Socket, code: ErrorCode, detail: string): void {
    // The parser says the same of everything that follows.
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    // The end of what a client sends would end the connection, and with it the answers that are still to come.
    socket.pause();
    this.#conclude(socket, new SamError(code, detail));
  }

  /** Answers on a connection whose requests before have their answers, or is called again when they have. */
  #conclude(socket: Socket, error: SamError): void {
    const latest = this.#latest.get(socket);
    const receiving = isReceiving(latest);
    const answered = receiving && latest?.answer.headersSent;
    // Where a body is what is wrong, the problem is the answer to its request.
    const awaited = receiving && !answered ? latest?.before : latest?.answer;
    if (!socket.writable) {
      socket.destroy();
    } else if (awaited && !awaited.writableFinished) {
      awaited.once('close', () => this.#conclude(socket, error));
    } else if (answered) {
      end(socket, '');
    } else {
      this.#counts.rejected(error.code);
      end(socket, message(error));
    }
  }
}

/** Whether the body of a request is still to come. */
function isReceiving(latest: Latest | undefined): boolean {
  return latest !== undefined && !latest.request.complete;
}

/** A problem as a whole answer. */
function message(error: SamError): string {
  const problem = problemOf(error, randomUUID());
  const body = JSON.stringify(problem);
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${problem.requestId}`,
    `date: ${new Date().toUTCString()}`,
    'connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Ends a connection with a text. Who goes on sending, or never closes, is not waited for. */
function end(socket: Socket, text: string): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end(text);
  socket.resume();
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
