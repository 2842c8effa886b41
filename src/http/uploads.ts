import { createHash, webcrypto } from 'node:crypto';
import type { Readable } from 'node:stream';
import { SamError } from '../core/errors.js';
import type { Timings } from '../core/ports.js';

/** An image as a client sent it. */
export interface Upload {
  readonly image: Uint8Array;
  /** Of `image`, in lower-case hex. */
  readonly sha256: string;
  readonly timings: Timings;
  /** To be called once the bytes are no longer needed. */
  release(): void;
}

/** Receives images, each bounded in bytes and all of them together. */
export class Uploads {
  readonly maxImageBytes: number;
  readonly #maxBytes: number;
  #held = 0;

  /** @param maxBytes that all requests together may hold, received or being received. */
  constructor(maxImageBytes: number, maxBytes: number) {
    this.maxImageBytes = maxImageBytes;
    this.#maxBytes = maxBytes;
  }

  /** Bytes that requests hold now. */
  get held(): number {
    return this.#held;
  }

  /**
   * Reads a stream to its end, hashing as it arrives.
   * @throws SamError `payload-too-large`, `overloaded`, `invalid-request` when it is empty
   */
  async receive(stream: Readable): Promise<Upload> {
    const hash = createHash('sha256');
    const chunks: Buffer[] = [];
    let size = 0;
    const start = performance.now();
    let hash_ms = 0;
    try {
      // Destroying the stream would close the connection before the answer is out.
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
        this.#hold(chunk.length, size + chunk.length);
        size += chunk.length;
        const before = performance.now();
        hash.update(chunk);
        hash_ms += performance.now() - before;
        chunks.push(chunk);
      }
      if (size === 0) throw new SamError('invalid-request', 'the image is empty');
    } catch (error) {
      this.#held -= size;
      throw error;
    }
    const timings = { receive_ms: performance.now() - start - hash_ms, hash_ms };
    // In memory of its own: crossing into a worker copies the whole buffer a view lies in.
    const image = new Uint8Array(size);
    let offset = 0;
    for (const chunk of chunks) {
      image.set(chunk, offset);
      offset += chunk.length;
    }
    const sha256 = hash.digest('hex');
    return { image, sha256, timings, release: this.#releaser(size) };
  }

  /**
   * Decodes base64, plain or as a data URI.
   * @throws SamError `invalid-request`, `payload-too-large`, `overloaded`
   */
  async decode(text: string): Promise<Upload> {
    const base64 = text.replace(/^data:[^,]{0,200};base64,/, '').replace(/\s+/g, '');
    const digits = base64.endsWith('==') ? -2 : base64.endsWith('=') ? -1 : 0;
    const size = Math.floor(((base64.length + digits) * 3) / 4);
    this.#hold(size, size);
    try {
      const image = new Uint8Array(size);
      // The decoder skips what is not base64, so any such character leaves the result short.
      if (size === 0 || Buffer.from(image.buffer).write(base64, 'base64') !== size) {
        const violations = [
          { path: '/image/base64', message: 'must be base64 or a base64 data URI' },
        ];
        throw new SamError('invalid-request', '/image/base64 is not base64', { violations });
      }
      const start = performance.now();
      const digest = await webcrypto.subtle.digest('SHA-256', image);
      const sha256 = Buffer.from(digest).toString('hex');
      const timings = { hash_ms: performance.now() - start };
      return { image, sha256, timings, release: this.#releaser(size) };
    } catch (error) {
      this.#held -= size;
      throw error;
    }
  }

  /** Books `bytes` more for an image that is now `size` long. */
  #hold(bytes: number, size: number): void {
    if (size > this.maxImageBytes) {
      throw new SamError('payload-too-large', `an image may have ${this.maxImageBytes} bytes`);
    }
    if (this.#held + bytes > this.#maxBytes) {
      throw new SamError('overloaded', 'too many uploads at once', { retryAfter: 1 });
    }
    this.#held += bytes;
  }

  #releaser(size: number): () => void {
    let held = true;
    return () => {
      if (held) this.#held -= size;
      held = false;
    };
  }
}
