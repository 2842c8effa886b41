import { createWriteStream, existsSync, statSync } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { STATUS_CODES } from 'node:http';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { OperatorError } from '../core/errors.js';
import { follow } from './follow.js';

/** Receives the bytes done and, when it is known, their total. */
export type OnProgress = (done: number, total: number | undefined) => void;

/** The limits of a download whose size the manifest does not give. */
export interface DownloadLimits {
  readonly maxBytes: number;
  /** Milliseconds without a byte. */
  readonly stallMs: number;
  /** Bytes that are left free on the disk. */
  readonly spareBytes: number;
}

export const LIMITS: DownloadLimits = {
  maxBytes: 16 * 2 ** 30,
  stallMs: 60_000,
  spareBytes: 256 * 2 ** 20,
};

export interface DownloadOptions extends DownloadLimits {
  /** The size, where it is known beforehand. */
  readonly bytes: number | undefined;
  readonly onProgress: OnProgress;
}

/** Bytes between two checks of the free space. */
const CHECK_EVERY = 64 * 2 ** 20;
/** Connections for one file, each of which brings some of it. */
const MOST_ATTEMPTS = 1000;

/** A download under way, into `part`. */
export class Download {
  readonly part: string;
  readonly #url: string;
  readonly #path: string;
  readonly #options: DownloadOptions;
  #total: number | undefined;
  #done: number;

  constructor(url: string, path: string, options: DownloadOptions) {
    this.#url = url;
    this.#path = path;
    this.#options = options;
    this.#total = options.bytes;
    this.part = `${path}.part`;
    this.#done = existsSync(this.part) ? statSync(this.part).size : 0;
  }

  /**
   * Resumes after cut connections for as long as each attempt brings some bytes.
   * @throws OperatorError saying in words what went wrong and what to do.
   */
  async run(): Promise<void> {
    for (let attempt = 1; this.#total === undefined || this.#done < this.#total; attempt++) {
      const before = this.#done;
      try {
        await this.#attempt();
        return;
      } catch (cause) {
        if (cause instanceof OperatorError) throw cause;
        if (this.#done <= before || attempt === MOST_ATTEMPTS) throw this.#unreachable(cause);
      }
    }
  }

  async #attempt(): Promise<void> {
    const { stallMs } = this.#options;
    const stall = new AbortController();
    const timer = setTimeout(() => {
      stall.abort(new Error(`nothing came for ${stallMs / 1000} s`));
    }, stallMs);
    try {
      const range = this.#done > 0 ? { range: `bytes=${this.#done}-` } : {};
      // Of a compressed answer, the unpacked bytes would be counted.
      const headers = { 'accept-encoding': 'identity', ...range };
      await this.#receive(await follow(this.#url, { headers, signal: stall.signal }), timer);
    } finally {
      clearTimeout(timer);
      // Does not wait for the rest of an answer.
      stall.abort();
    }
  }

  async #receive(response: Response, timer: NodeJS.Timeout): Promise<void> {
    const { status, headers } = response;
    // The server has nothing after these bytes: the hash shows whether the file is complete.
    if (status === 416) return;
    if (status !== 200 && status !== 206) {
      throw new OperatorError(`${this.#url} answers ${status} ${STATUS_CODES[status] ?? ''}`);
    }
    // A server without ranges starts again from the first byte.
    const [, start = 0] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? [];
    if (status === 200) this.#done = 0;
    else if (Number(start) !== this.#done) throw new Error('it answers with another range');
    this.#expect(this.#done + Number(headers.get('content-length') ?? Number.NaN));
    await this.#checkSpace();
    await this.#write(response, timer);
    if (this.#total !== undefined && this.#done < this.#total) throw new Error('cut short');
  }

  #expect(total: number): void {
    if (!Number.isFinite(total)) return;
    if (this.#total === undefined && total > this.#options.maxBytes) throw this.#tooMuch();
    this.#total ??= total;
    if (total !== this.#total) {
      throw new OperatorError(
        `${this.#url} has ${total} bytes, the manifest says ${this.#total}: nothing was downloaded`,
      );
    }
  }

  /** Repeated as the file grows: other programs write too, and not every server states the size. */
  async #checkSpace(): Promise<void> {
    const { bavail, bsize } = await statfs(dirname(this.part));
    const free = bavail * bsize;
    const rest = this.#total === undefined ? 0 : this.#total - this.#done;
    const needed = rest + this.#options.spareBytes;
    if (needed > free) {
      throw new OperatorError(
        `${this.#path} needs ${needed} more bytes on its disk, with some to spare, and ${free} are free` +
          this.#kept(),
      );
    }
  }

  async #write({ body }: Response, timer: NodeJS.Timeout): Promise<void> {
    if (!body) throw new Error('it answers with nothing');
    const file = createWriteStream(this.part, { flags: this.#done > 0 ? 'a' : 'w' });
    let checked = this.#done;
    const counted = async function* (this: Download, chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        timer.refresh();
        if (this.#done + chunk.length > (this.#total ?? this.#options.maxBytes)) {
          throw this.#tooMuch();
        }
        if (this.#done - checked >= CHECK_EVERY) {
          checked = this.#done;
          await this.#checkSpace();
        }
        this.#done += chunk.length;
        yield chunk;
        this.#options.onProgress(this.#done, this.#total);
      }
    }.bind(this);
    try {
      await pipeline(Readable.fromWeb(body as never), counted, file);
    } catch (error) {
      if (error instanceof TooMuch) await rm(this.part, { force: true });
      else if (existsSync(this.part)) this.#done = statSync(this.part).size;
      throw error;
    }
  }

  #tooMuch(): TooMuch {
    return new TooMuch(
      this.#total === undefined
        ? `${this.#url} has more than ${this.#options.maxBytes} bytes: ` +
            'if that is right, say how many as "bytes" in the manifest'
        : `${this.#url} sends more than the ${this.#total} bytes it has`,
    );
  }

  #kept(): string {
    return this.#done > 0 ? ` (${this.#done} bytes are kept: run it again to go on)` : '';
  }

  #unreachable(cause: unknown): OperatorError {
    const { message, cause: inner } = cause as Error & { cause?: { code?: string } };
    return new OperatorError(
      `cannot download ${this.#url} (${inner?.code ?? message}): this machine may have no network. ` +
        `Download it anywhere else and put it at ${this.#path}${this.#kept()}`,
      { cause },
    );
  }
}

/** The bytes written belong to no file that was requested. */
class TooMuch extends OperatorError {}
