import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { SamError } from '../../../core/errors.js';
import type { RequestAccount } from '../../../service/memory/ledger.js';
import { areTiny, tinyChunks } from './chunks.js';
import { pacer } from './intake.js';

/** The least that is allocated for a body. */
const FIRST_BYTES = 16 * 1024;
/** By how much a block grows: moving takes time for its size, and a body that stalls holds as much more than it sent. */
const GROWTH = 4;

export interface BodyOptions {
  readonly maxBytes: number;
  /** How many bytes will come, where somebody says: memory does not grow beyond. */
  readonly expected?: number | undefined;
  /** What is too large, for the message. */
  readonly name: string;
  /** Called with each chunk. */
  readonly onChunk?: (chunk: Uint8Array) => void;
}

/**
 * Reads a stream to its end, into memory of the account that is booked before it is allocated. A stream that stalls
 * gives its memory up when others need it.
 * @throws SamError `payload-too-large`, `overloaded`, `request-timeout` for a stalled one, `malformed-request` for
 *   one in tiny chunks
 */
export async function readBody(
  stream: Readable,
  account: RequestAccount,
  options: BodyOptions,
): Promise<Uint8Array> {
  const body = new Body(account, options);
  try {
    await drain(stream, account, (chunk) => body.add(chunk));
    return body.finish();
  } catch (error) {
    body.drop();
    throw error;
  }
}

/** Bytes that a request says it has: nothing says what a packed body comes to. */
export function declaredLength(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['content-length'];
  return text === undefined || encodingOf(headers) ? undefined : Number(text);
}

/** How a body is packed, if it is. */
export function encodingOf(headers: IncomingHttpHeaders): string | undefined {
  const name = (headers['content-encoding'] ?? '').trim().toLowerCase();
  if (name === '' || name === 'identity') return undefined;
  return name === 'x-gzip' ? 'gzip' : name;
}

/** Hands every chunk to `take` as it comes. By listeners: a promise for each would be memory for each. */
function drain(
  stream: Readable,
  account: RequestAccount,
  take: (chunk: Buffer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown) => {
      // Destroying the stream would close the connection before the answer is out.
      stream.off('data', onData).off('end', settle).off('error', settle).off('close', onClose);
      account.clientDone();
      if (error === undefined) resolve();
      else reject(error);
    };
    const pace = pacer(stream, account.client);
    const onData = (chunk: Buffer) => {
      account.moved();
      try {
        take(chunk);
        pace(chunk);
      } catch (error) {
        stream.pause();
        settle(error);
      }
    };
    const onClose = () => settle(new Error('the body ended early'));
    account.awaitClient(() => {
      settle(new SamError('request-timeout', 'the body stalled while memory was needed elsewhere'));
    });
    stream.on('data', onData).on('end', settle).on('error', settle).on('close', onClose);
    if (stream.destroyed) onClose();
  });
}

/** A body's bytes: a block that grows fourfold as they come, and is booked. */
class Body {
  readonly #account: RequestAccount;
  readonly #options: BodyOptions;
  #block = new Uint8Array(0);
  #size = 0;
  #chunks = 0;

  constructor(account: RequestAccount, options: BodyOptions) {
    this.#account = account;
    this.#options = options;
  }

  add(chunk: Uint8Array): void {
    const { maxBytes, name, onChunk } = this.#options;
    const size = this.#size + chunk.length;
    if (size > maxBytes) {
      throw new SamError('payload-too-large', `${name} may have ${maxBytes} bytes`);
    }
    if (areTiny(++this.#chunks, size)) throw tinyChunks(name);
    onChunk?.(chunk);
    if (size > this.#block.length) this.#grow(size);
    this.#block.set(chunk, this.#size);
    this.#size = size;
  }

  finish(): Uint8Array {
    // Crossing into a worker copies the whole block that a view lies in.
    if (this.#block.length > this.#size + FIRST_BYTES) this.#move(this.#size);
    return this.#block.subarray(0, this.#size);
  }

  drop(): void {
    this.#account.give('body', this.#block.length);
  }

  #grow(needed: number): void {
    const { maxBytes, expected = maxBytes } = this.#options;
    const grown = Math.max(FIRST_BYTES, GROWTH * this.#block.length);
    this.#move(Math.max(needed, Math.min(grown, expected, maxBytes)));
  }

  #move(capacity: number): void {
    const before = this.#block;
    this.#account.take('body', capacity);
    this.#block = new Uint8Array(capacity);
    this.#block.set(before.subarray(0, this.#size));
    this.#account.give('body', before.length);
  }
}
