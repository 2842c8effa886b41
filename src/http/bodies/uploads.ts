import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { SamError } from '../../core/errors.js';
import type { Timings } from '../../core/ports.js';
import type { RequestAccount } from '../../service/memory/ledger.js';
import { base64Start, decodeBase64 } from './base64.js';
import { readBody } from './body.js';

/** An image as a client sent it. */
export interface Upload {
  readonly image: Uint8Array;
  /** Of `image`, in lower-case hex. */
  readonly sha256: string;
  readonly timings: Timings;
}

/** Receives images, each bounded in bytes, in the memory of the request that brings them. */
export class Uploads {
  readonly maxImageBytes: number;

  constructor(maxImageBytes: number) {
    this.maxImageBytes = maxImageBytes;
  }

  /**
   * Reads a stream to its end, hashing as it arrives.
   * @param expected how many bytes will come at most, where somebody says.
   * @throws SamError `invalid-request` when it is empty, and what `readBody` throws
   */
  async receive(stream: Readable, account: RequestAccount, expected?: number): Promise<Upload> {
    const hash = createHash('sha256');
    const start = performance.now();
    let hash_ms = 0;
    const onChunk = (chunk: Uint8Array) => {
      const before = performance.now();
      hash.update(chunk);
      hash_ms += performance.now() - before;
    };
    const options = { name: 'an image', maxBytes: this.maxImageBytes, expected, onChunk };
    const image = await readBody(stream, account, options);
    if (image.length === 0) throw new SamError('invalid-request', 'the image is empty');
    const timings = { receive_ms: performance.now() - start - hash_ms, hash_ms };
    return { image, sha256: hash.digest('hex'), timings };
  }

  /**
   * Decodes base64, plain or as a data URI.
   * @param text as it stood in JSON: with its escapes, if it has any.
   * @throws SamError `invalid-request`, `payload-too-large`, `overloaded`
   */
  async decode(text: Buffer, account: RequestAccount): Promise<Upload> {
    const hash = createHash('sha256');
    const start = base64Start(text);
    const most = Math.floor(((text.length - start) * 3) / 4);
    account.take('body', most);
    const room = new Uint8Array(most);
    const began = performance.now();
    const size = await decodeBase64(text, start, room, (bytes) => hash.update(bytes));
    if (!size) {
      const violations = [
        { path: '/image/base64', message: 'must be base64 or a base64 data URI' },
      ];
      throw new SamError('invalid-request', '/image/base64 is not base64', { violations });
    }
    if (size > this.maxImageBytes) {
      throw new SamError('payload-too-large', `an image may have ${this.maxImageBytes} bytes`);
    }
    const timings = { hash_ms: performance.now() - began };
    return { image: room.subarray(0, size), sha256: hash.digest('hex'), timings };
  }
}
