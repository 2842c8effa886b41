import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Embedding, parseEmbeddingId } from '../core/embedding.js';
import type { EmbeddingKey, EmbeddingStore } from '../core/ports.js';
import { decodeFile, encodeFile } from './disk-format.js';

/** What went wrong with the folder. None of it fails a request. */
export type DiskFault = 'corrupt' | 'read' | 'write' | 'skipped' | 'sweep';

export interface DiskStoreOptions {
  readonly directory: string;
  readonly maxBytes: number;
  readonly onFault?: (fault: DiskFault, error?: unknown) => void;
  readonly onEvict?: () => void;
}

/** A sweep leaves a tenth of the bound free, and comes after each twentieth written: two processes keep it. */
const SWEEP_TO = 0.9;
const SWEEP_EVERY = 0.05;
/** Writes under way at once; a disk that cannot keep up loses the rest, not memory. */
const MAX_WRITES = 8;
/** After a failed write the disk, probably full, is left alone for so many milliseconds. */
const REST_MS = 10_000;
/** What a process that died left half written is removed once it is so many milliseconds old. */
const STALE_MS = 600_000;
const SUFFIX = '.embedding';

interface Entry {
  readonly path: string;
  readonly size: number;
  readonly usedAt: number;
}

/**
 * Embeddings in a folder, which outlive the process: one file each, under its image's hash, written aside
 * and renamed so that no reader ever sees half of it. Several processes may share the folder. Whatever
 * is wrong with a file makes it a miss and removes it; whatever is wrong with the disk is reported, and
 * the store does without it.
 */
export class DiskStore implements EmbeddingStore {
  readonly #options: DiskStoreOptions;
  readonly #writes = new Map<string, Promise<void>>();
  #usage = { entries: 0, bytes: 0 };
  #unswept = 0;
  #sweep: Promise<void> | undefined;
  #restUntil = 0;

  constructor(options: DiskStoreOptions) {
    this.#options = options;
  }

  /** Makes the folder, and the files in it fit the bound. */
  async open(): Promise<void> {
    try {
      await mkdir(this.#options.directory, { recursive: true });
    } catch (error) {
      this.#fault('write', error);
    }
    await this.#sweepOnce();
  }

  async get(key: EmbeddingKey) {
    const path = this.#path(key);
    await this.#writes.get(path);
    let file: Buffer;
    try {
      const found = await stat(path);
      // Anything but a file could be read forever, and what is larger than the tier is none of ours.
      if (!found.isFile() || found.size > this.#options.maxBytes) return await this.#discard(path);
      file = await readFile(path);
    } catch (error) {
      if (!isMissing(error)) this.#fault('read', error);
      return undefined;
    }
    const embedding = await decodeFile(key, file).catch(() => undefined);
    if (!embedding) return this.#discard(path);
    // The time of the last use is what other processes evict by. Where it cannot be set, that of writing serves.
    const now = new Date();
    utimes(path, now, now).catch(() => {});
    return { embedding, tier: 'disk' as const };
  }

  /** Begins to write, and returns: `close` waits for what is under way. */
  async set(key: EmbeddingKey, embedding: Embedding): Promise<void> {
    const path = this.#path(key);
    if (this.#writes.has(path)) return;
    if (this.#writes.size >= MAX_WRITES || Date.now() < this.#restUntil) {
      this.#fault('skipped');
      return;
    }
    const write = this.#write(path, key, embedding).finally(() => this.#writes.delete(path));
    this.#writes.set(path, write);
  }

  async delete(key: EmbeddingKey): Promise<boolean> {
    const path = this.#path(key);
    await this.#writes.get(path);
    return rm(path).then(
      () => true,
      (error) => {
        if (!isMissing(error)) this.#fault('write', error);
        return false;
      },
    );
  }

  async hasOther(key: EmbeddingKey): Promise<boolean> {
    const { folder, stem, name } = this.#place(key);
    const names = await readdir(folder).catch(() => []);
    return names.some((other) => other !== name && other.startsWith(stem));
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

  async #write(path: string, key: EmbeddingKey, embedding: Embedding): Promise<void> {
    const aside = `${path}.${randomUUID()}.tmp`;
    try {
      const file = await encodeFile(key, embedding);
      if (file.length > this.#options.maxBytes) return;
      await mkdir(this.#place(key).folder, { recursive: true });
      await writeFile(aside, file, { flag: 'wx' });
      await rename(aside, path);
      this.#unswept += file.length;
      this.#usage = {
        entries: this.#usage.entries + 1,
        bytes: this.#usage.bytes + file.length,
      };
    } catch (error) {
      this.#restUntil = Date.now() + REST_MS;
      this.#fault('write', error);
      await rm(aside, { force: true }).catch(() => {});
    }
    if (this.#unswept > SWEEP_EVERY * this.#options.maxBytes) await this.#sweepOnce();
  }

  #sweepOnce(): Promise<void> {
    this.#sweep ??= this.#sweepNow().finally(() => {
      this.#sweep = undefined;
    });
    return this.#sweep;
  }

  /** Looks at what is there, whoever wrote it, and drops the least recently used beyond the bound. */
  async #sweepNow(): Promise<void> {
    const { maxBytes, onEvict } = this.#options;
    this.#unswept = 0;
    try {
      const entries = await this.#entries();
      let bytes = entries.reduce((sum, { size }) => sum + size, 0);
      let left = entries.length;
      if (bytes > SWEEP_TO * maxBytes) {
        entries.sort((a, b) => a.usedAt - b.usedAt);
        for (const { path, size } of entries) {
          if (bytes <= SWEEP_TO * maxBytes) break;
          await rm(path, { force: true });
          onEvict?.();
          bytes -= size;
          left--;
        }
      }
      this.#usage = { entries: left, bytes };
    } catch (error) {
      if (!isMissing(error)) this.#fault('sweep', error);
    }
  }

  async #entries(): Promise<Entry[]> {
    const entries: Entry[] = [];
    const { directory } = this.#options;
    for (const folder of await readdir(directory)) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue;
      for (const name of await readdir(join(directory, folder))) {
        const path = join(directory, folder, name);
        const found = await stat(path).catch(() => undefined);
        if (!found?.isFile()) continue;
        if (name.endsWith(SUFFIX)) {
          entries.push({ path, size: found.size, usedAt: found.mtimeMs });
        } else if (name.endsWith('.tmp') && Date.now() - found.mtimeMs > STALE_MS) {
          await rm(path, { force: true });
        }
      }
    }
    return entries;
  }

  async #discard(path: string): Promise<undefined> {
    this.#fault('corrupt');
    await rm(path, { force: true, recursive: true }).catch((error) => this.#fault('write', error));
  }

  #fault(fault: DiskFault, error?: unknown): void {
    this.#options.onFault?.(fault, error);
  }

  #path(key: EmbeddingKey): string {
    const { folder, name } = this.#place(key);
    return join(folder, name);
  }

  /** `<directory>/<2 digits>/<image's hash>.<model>.<16 digits of the fingerprint>.embedding` */
  #place({ id, fingerprint }: EmbeddingKey) {
    // What reaches a path has passed the pattern of ids: hex digits, and a name without a slash.
    const { model, sha256 } = parseEmbeddingId(id);
    const stem = `${sha256}.${model}.`;
    const name = `${stem}${fingerprint.slice(0, 16)}${SUFFIX}`;
    return { folder: join(this.#options.directory, sha256.slice(0, 2)), stem, name };
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
