import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { notAllowed } from './not-allowed.js';

/** Informational answers (1xx) before the real one; a good origin sends one. */
const MOST_INFORMATION = 4;
/** Bytes of an answer's header. */
const LARGEST_HEADER = 16 * 1024;

export interface OriginOptions {
  /** All addresses of a name. */
  readonly resolve: (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;
  /** Which addresses may be connected to. */
  readonly allows: (address: string) => boolean;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** One request to a host that is trusted in nothing, and its answer. To be closed, whatever comes of it. */
export class Origin {
  readonly #outgoing: http.ClientRequest;
  readonly #answer: Promise<IncomingMessage>;
  #failure: Error | undefined;
  #information = 0;

  constructor(url: URL, { resolve, allows, signal }: OriginOptions) {
    const { request } = url.protocol === 'https:' ? https : http;
    this.#outgoing = request(url, {
      // No connection is kept: none could be judged for one name and used for another.
      agent: false,
      headers: { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'sam-split' },
      insecureHTTPParser: false,
      lookup: judging(resolve, allows, signal),
      maxHeaderSize: LARGEST_HEADER,
      signal,
    });
    this.#answer = new Promise((resolve, reject) => {
      this.#outgoing
        .on('response', resolve)
        // For as long as the request is there, and it may fail more than once.
        .on('error', (error) => {
          this.#failure ??= error;
          reject(error);
        })
        .on('close', () => reject(new Error('closed without an answer')));
    });
    // It may fail before anybody asks for it.
    this.#answer.catch(() => {});
    this.#outgoing
      .on('socket', (socket) => {
        // What was looked up has been judged; this is what was connected to.
        socket.once('connect', () => {
          if (!allows(socket.remoteAddress ?? '')) this.#fail(notAllowed());
        });
      })
      .on('information', () => {
        if (++this.#information > MOST_INFORMATION) this.#fail(new Error('1xx without end'));
      })
      .on('upgrade', (_answer, socket) => {
        // The socket is nobody's now: without a listener its next error would end the process.
        socket.on('error', () => {}).destroy();
        this.#fail(new Error('upgraded'));
      })
      .end();
  }

  /** Status and header. @throws whatever went wrong */
  answer(): Promise<IncomingMessage> {
    return this.#answer;
  }

  /**
   * Hands the body to `receive`.
   * @throws what `receive` throws, and when the body did not come whole: one without a length ends with its
   * connection, and the parser takes any end for that one.
   */
  async body<T>(receive: (body: Readable) => Promise<T>): Promise<T> {
    const body = await this.#answer;
    if (this.#failure) throw this.#failure;
    this.#outgoing.on('error', (error) => body.destroy(error));
    return receive(body);
  }

  close(): void {
    this.#outgoing.destroy();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#outgoing.destroy(error);
  }
}

/** Name resolution that fails when any of the addresses is not allowed. */
function judging(
  resolve: OriginOptions['resolve'],
  allows: OriginOptions['allows'],
  signal: AbortSignal,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, signal).then(
      (addresses) => {
        const [first] = addresses;
        if (!first || !addresses.every(allows)) callback(notAllowed(), '', 4);
        else if (!options.all) callback(null, first, isIP(first));
        else
          callback(
            null,
            addresses.map((address) => ({ address, family: isIP(address) })),
          );
      },
      (error) => callback(error, '', 4),
    );
  };
}
