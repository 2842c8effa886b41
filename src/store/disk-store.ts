import { randomUUID } from 'node:crypto';
import { lutimes, readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Embedding } from '../core/embedding.js';
import { SamError } from '../core/errors.js';
import type { EmbeddingKey, EmbeddingStore } from '../core/ports.js';
import { isMissing, kindOf, makeFolder, readUntrusted, writePrivate } from './disk-files.js';
import { closeFolder, SUFFIX, sweep } from './disk-folder.js';
import {
  decodeFile,
  encodeFile,
  fileHash,
  fileStem,
  fileVersion,
  MAX_FILE_BYTES,
} from './disk-format.js';
import { Undeleted } from './undeleted.js';

/** What went wrong with the folder. Of it all, only a deletion that failed fails a request. */
export type DiskFault = 'corrupt' | 'read' | 'write' | 'delete' | 'skipped' | 'sweep' | 'exposed';

export interface DiskStoreOptions {
  readonly directory: string;
  readonly maxBytes: number;
  readonly onFault?: (fault: DiskFault, error?: unknown) => void;
  readonly onEvict?: () => void;
}

/** A sweep comes after each twentieth of the bound that was written. */
const SWEEP_EVERY = 0.05;
/** Writes under way at once; a disk that cannot keep up loses the rest, not memory. */
const MAX_WRITES = 8;
/** After a failed write the disk, probably full, is left alone for so many milliseconds. */
const REST_MS = 10_000;

/**
 * Embeddings in a folder, which outlive the process: one file each, under its image's hash, written aside
 * and renamed so that no reader ever sees half of it. Several processes of one user may share the folder:
 * everybody who can write to it is trusted with what is in it. A file that is wrong is a miss and is removed; a disk
 * that fails is reported, and the store goes on without it.
 */
export class DiskStore implements EmbeddingStore {
  readonly #options: DiskStoreOptions;
  readonly #maxFileBytes: number;
  readonly #writes = new Map<string, Promise<void>>();
  readonly #undeleted = new Undeleted();
  #usage = { entries: 0, bytes: 0 };
  #unswept = 0;
  #sweep: Promise<void> | undefined;
  #restUntil = 0;

  constructor(options: DiskStoreOptions) {
    this.#options = options;
    this.#maxFileBytes = Math.min(options.maxBytes, MAX_FILE_BYTES);
  }

  /** Makes the folder, closes it to other users, and makes the files in it fit the bound. */
  async open(): Promise<void> {
    const { directory } = this.#options;
    try {
      await makeFolder(directory);
      await closeFolder(directory).catch((error) => this.#fault('exposed', error));
    } catch (error) {
      this.#fault('write', error);
    }
    await this.#sweepOnce();
  }

  async get(key: EmbeddingKey) {
    const { folder, path } = this.#place(key);
    await this.#writes.get(path);
    if (this.#undeleted.has(path)) return undefined;
    let file: Buffer | undefined;
    try {
      const kind = await kindOf(folder);
      if (kind === 'missing') return undefined;
      if (kind === 'other') return await this.#discard(folder);
      file = await readUntrusted(path, this.#maxFileBytes);
    } catch (error) {
      if (!isMissing(error)) this.#fault('read', error);
      return undefined;
    }
    const embedding = file && (await decodeFile(key, file).catch(() => undefined));
    if (!embedding) return this.#discard(path);
    // The time of the last use is what other processes evict by. Where it cannot be set, that of writing serves.
    const now = new Date();
    lutimes(path, now, now).catch(() => {});
    return { embedding, tier: 'disk' as const };
  }

  /** Begins to write, and returns: `close` waits for what is under way. */
  async set(key: EmbeddingKey, embedding: Embedding): Promise<void> {
    const { path } = this.#place(key);
    if (this.#writes.has(path)) return;
    if (this.#writes.size >= MAX_WRITES || Date.now() < this.#restUntil) {
      this.#fault('skipped');
      return;
    }
    const write = this.#write(key, embedding).finally(() => this.#writes.delete(path));
    this.#writes.set(path, write);
  }

  /** @throws SamError `not-deleted` when the file stays; this process does not read it again */
  async delete(key: EmbeddingKey): Promise<boolean> {
    const { folder, path } = this.#place(key);
    await this.#writes.get(path);
    try {
      const kind = await kindOf(folder);
      if (kind === 'other') await this.#discard(folder);
      if (kind !== 'folder') return false;
      await unlink(path);
    } catch (error) {
      // A file system that is read-only says so of files too that are not there.
      const kind = isMissing(error) ? 'missing' : await kindOf(path).catch(() => 'other');
      if (kind === 'other') {
        this.#undeleted.add(path);
        this.#fault('delete', error);
        throw notDeleted(error);
      }
      if (kind === 'folder') await this.#discard(path);
      this.#undeleted.forget(path);
      return false;
    }
    this.#undeleted.forget(path);
    return true;
  }

  async hasOther(key: EmbeddingKey): Promise<boolean> {
    const { folder, stem, name } = this.#place(key);
    if ((await kindOf(folder).catch(() => 'other')) !== 'folder') return false;
    const names = await readdir(folder).catch(() => []);
    return names.some(
      (other) =>
        other !== name &&
        other.startsWith(stem) &&
        other.endsWith(SUFFIX) &&
        !this.#undeleted.has(join(folder, other)),
    );
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await Promise.all(this.#writes.values());
    await this.#sweep;
  }

  /** Files and bytes, as far as this process knows: others may have come since the last sweep. */
  get usage(): { entries: number; bytes: number } {
    return this.#usage;
  }

  async #write(key: EmbeddingKey, embedding: Embedding): Promise<void> {
    const { folder, name, path } = this.#place(key);
    try {
      const file = await encodeFile(key, embedding);
      if (file.length > this.#maxFileBytes) return;
      if ((await kindOf(folder)) === 'other') await this.#discard(folder);
      await writePrivate(folder, { aside: `${name}.${randomUUID()}.tmp`, name }, file);
      this.#undeleted.forget(path);
      this.#unswept += file.length;
      this.#usage = {
        entries: this.#usage.entries + 1,
        bytes: this.#usage.bytes + file.length,
      };
    } catch (error) {
      this.#restUntil = Date.now() + REST_MS;
      this.#fault('write', error);
    }
    if (this.#unswept > SWEEP_EVERY * this.#options.maxBytes) await this.#sweepOnce();
  }

  #sweepOnce(): Promise<void> {
    this.#sweep ??= this.#sweepNow().finally(() => {
      this.#sweep = undefined;
    });
    return this.#sweep;
  }

  async #sweepNow(): Promise<void> {
    const { directory, maxBytes, onEvict = () => {} } = this.#options;
    this.#unswept = 0;
    try {
      const { entries, bytes, exposed } = await sweep(directory, maxBytes, onEvict);
      this.#usage = { entries, bytes };
      if (exposed) this.#fault('exposed', exposed);
    } catch (error) {
      if (!isMissing(error)) this.#fault('sweep', error);
    }
  }

  /** Removes what is none of ours; of a link itself, and not what it leads to. */
  async #discard(path: string): Promise<undefined> {
    this.#fault('corrupt');
    await rm(path, { force: true, recursive: true }).catch((error) => this.#fault('write', error));
  }

  #fault(fault: DiskFault, error?: unknown): void {
    this.#options.onFault?.(fault, error);
  }

  /** `<directory>/<2 digits>/<hash>.<model>.<16 digits of the fingerprint>.embedding`; of a part `<model>#<part>` */
  #place(key: EmbeddingKey) {
    // What reaches a path has passed the pattern of ids: hex digits, and a name without a slash.
    const hash = fileHash(key);
    const stem = fileStem(key);
    const name = `${stem}${fileVersion(key)}${SUFFIX}`;
    const folder = join(this.#options.directory, hash.slice(0, 2));
    return { folder, stem, name, path: join(folder, name) };
  }
}

function notDeleted(cause: unknown): SamError {
  const message =
    'the embedding could not be deleted from disk: this process uses it no more, but others that share the folder, ' +
    'and this one once restarted, may; try again, or tell the operator';
  return new SamError('not-deleted', message, { retryAfter: REST_MS / 1000, cause });
}
