import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { SamError, violation } from '../../core/errors.js';
import type { ImageFile } from '../../core/image.js';
import type { RequestCaller } from '../hooks/request-caller.js';
import { base64Start, decodeBase64 } from './base64.js';
import { readBody } from './reading/body.js';

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
  async receive(stream: Readable, caller: RequestCaller, expected?: number): Promise<ImageFile> {
    const hash = createHash('sha256');
    const start = performance.now();
    let hash_ms = 0;
    const onChunk = (chunk: Uint8Array) => {
      const before = performance.now();
      hash.update(chunk);
      hash_ms += performance.now() - before;
    };
    const options = { name: 'an image', maxBytes: this.maxImageBytes, expected, onChunk };
    const image = await readBody(stream, caller.memory, options);
    if (image.length === 0) throw new SamError('invalid-request', 'the image is empty');
    caller.report('image', {}, { receive_ms: performance.now() - start - hash_ms, hash_ms });
    return { image, sha256: hash.digest('hex') };
  }

  /**
   * Decodes base64, plain or as a data URI.
   * @param text as it stood in JSON: with its escapes, if it has any.
   * @throws SamError `invalid-request`, `payload-too-large`, `overloaded`
   */
  async decode(text: Buffer, caller: RequestCaller): Promise<ImageFile> {
    const hash = createHash('sha256');
    const start = base64Start(text);
    const most = Math.floor(((text.length - start) * 3) / 4);
    caller.memory.take('body', most);
    const room = new Uint8Array(most);
    const began = performance.now();
    const size = await decodeBase64(text, start, room, (bytes) => hash.update(bytes));
    if (!size) {
      throw violation('invalid-request', '/image/base64', 'must be base64 or a base64 data URI');
    }
    if (size > this.maxImageBytes) {
      throw new SamError('payload-too-large', `an image may have ${this.maxImageBytes} bytes`);
    }
    caller.report('image', {}, { hash_ms: performance.now() - began });
    return { image: room.subarray(0, size), sha256: hash.digest('hex') };
  }
}
