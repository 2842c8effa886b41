import { once } from 'node:events';
import { createWriteStream, existsSync, statSync } from 'node:fs';
import { rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { StartupError } from '../core/errors.js';
import type { ModelManifest, RemoteFile } from '../core/model.js';
import { resolveFile, sha256Of } from '../engine/model-files.js';

/** Is told how many bytes of how many there are, the latter when it is known. */
export type OnProgress = (done: number, total: number | undefined) => void;

/**
 * Downloads a model's checkpoint beside its manifest. What a cut connection left behind is gone on with; the
 * file gets its name only when its size and hash are right.
 * @returns the path of the file, which may have been there already.
 * @throws StartupError saying in words what went wrong and what to do.
 */
export async function pull(
  directory: string,
  manifest: ModelManifest,
  onProgress: OnProgress,
): Promise<string> {
  if (!('checkpoint' in manifest)) {
    throw new StartupError(`${manifest.name} needs no download: its files come with npm ci`);
  }
  const { checkpoint } = manifest;
  const path = resolveFile(directory, checkpoint.file);
  if (existsSync(path)) {
    await check(path, checkpoint);
    return path;
  }
  if (!checkpoint.url) {
    throw new StartupError(`the manifest of ${manifest.name} has no url to download ${path} from`);
  }
  const download = new Download(checkpoint.url, path, checkpoint.bytes, onProgress);
  await download.run();
  await check(download.part, checkpoint).catch(async (error) => {
    await rm(download.part);
    throw error;
  });
  await rename(download.part, path);
  return path;
}

/** @throws StartupError when a file is not the one that was promised */
async function check(path: string, { bytes, sha256 }: RemoteFile): Promise<void> {
  const { size } = statSync(path);
  if (bytes !== undefined && size !== bytes) {
    throw new StartupError(`${path} has ${size} bytes, expected ${bytes}`);
  }
  const actual = await sha256Of(path);
  if (actual !== sha256) {
    throw new StartupError(`${path} has the sha256 ${actual}, expected ${sha256}`);
  }
}

class Download {
  readonly part: string;
  readonly #url: string;
  readonly #path: string;
  readonly #onProgress: OnProgress;
  #total: number | undefined;
  #done: number;

  constructor(url: string, path: string, bytes: number | undefined, onProgress: OnProgress) {
    this.#url = url;
    this.#path = path;
    this.#total = bytes;
    this.#onProgress = onProgress;
    this.part = `${path}.part`;
    this.#done = existsSync(this.part) ? statSync(this.part).size : 0;
  }

  /** Goes on after cut connections for as long as each attempt brings some bytes. */
  async run(): Promise<void> {
    while (this.#total === undefined || this.#done < this.#total) {
      const before = this.#done;
      try {
        await this.#attempt();
        return;
      } catch (cause) {
        if (cause instanceof StartupError) throw cause;
        if (this.#done <= before) throw this.#unreachable(cause);
      }
    }
  }

  async #attempt(): Promise<void> {
    const headers = this.#done > 0 ? { range: `bytes=${this.#done}-` } : {};
    const response = await fetch(this.#url, { headers });
    if (response.status === 416) {
      // There is nothing after what is here: the hash will say whether it is the file.
      await response.body?.cancel();
      return;
    }
    if (response.status !== 200 && response.status !== 206) {
      await response.body?.cancel();
      throw new StartupError(`${this.#url} answers ${response.status} ${response.statusText}`);
    }
    // A server without ranges begins anew.
    const [, start = 0] = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '') ?? [];
    if (response.status === 200) this.#done = 0;
    else if (Number(start) !== this.#done) throw new Error('it answers with another range');
    this.#expect(this.#done + Number(response.headers.get('content-length') ?? Number.NaN));
    await this.#checkSpace();
    await this.#write(response);
    if (this.#total !== undefined && this.#done < this.#total) throw new Error('cut short');
  }

  #expect(total: number): void {
    if (!Number.isFinite(total)) return;
    this.#total ??= total;
    if (total !== this.#total) {
      throw new StartupError(
        `${this.#url} has ${total} bytes, the manifest says ${this.#total}: nothing was downloaded`,
      );
    }
  }

  async #checkSpace(): Promise<void> {
    if (this.#total === undefined) return;
    const { bavail, bsize } = await statfs(dirname(this.part));
    const [needed, free] = [this.#total - this.#done, bavail * bsize];
    if (needed > free) {
      throw new StartupError(`${this.#path} needs ${needed} more bytes, ${free} are free`);
    }
  }

  async #write({ body }: Response): Promise<void> {
    if (!body) throw new Error('it answers with nothing');
    const file = createWriteStream(this.part, { flags: this.#done > 0 ? 'a' : 'w' });
    try {
      await once(file, 'open');
      for await (const chunk of Readable.fromWeb(body as never)) {
        this.#done += (chunk as Uint8Array).length;
        if (this.#total !== undefined && this.#done > this.#total) {
          throw new StartupError(`${this.#url} sends more than the ${this.#total} bytes it has`);
        }
        if (!file.write(chunk)) await once(file, 'drain');
        this.#onProgress(this.#done, this.#total);
      }
    } finally {
      await new Promise((resolve) => file.end(resolve));
    }
  }

  #unreachable(cause: unknown): StartupError {
    const { message, cause: inner } = cause as Error & { cause?: { code?: string } };
    const reason = inner?.code ?? message;
    const kept = this.#done > 0 ? ` (${this.#done} bytes are kept: run it again to go on)` : '';
    return new StartupError(
      `cannot download ${this.#url} (${reason}): this machine may have no network. ` +
        `Download it anywhere else and put it at ${this.#path}${kept}`,
      { cause },
    );
  }
}
