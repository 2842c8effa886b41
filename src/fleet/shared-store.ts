import { type Embedding, entryName } from '../core/embedding.js';
import { SamError } from '../core/errors.js';
import type { EmbeddingKey, EmbeddingStore } from '../core/ports.js';
import { decodeFile, encodeFile, fileVersion, MAX_FILE_BYTES } from '../store/disk-format.js';
import { Undeleted } from '../store/undeleted.js';
import type { Connection } from './connection.js';
import type { Guard } from './guard.js';
import { keys } from './keys.js';
import { Script } from './script.js';

/** Longer than any embedding is in the making: that of deletions is counted in the meantime. */
const DELETIONS_TTL_MS = 3_600_000;
const RETRY_SECONDS = 2;

/** Keeps an embedding, unless it was deleted since its making began. */
const KEEP = new Script(`
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[4] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`);

/** What frees memory goes first: a Redis that is full lets all else of such a program through then, and nothing before. */
const DELETE = new Script(`
local there = redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return there`);

/** Tells the other processes. */
export interface Announcer {
  /** @returns whether one of them had it. @throws NoAnswer */
  announce(key: EmbeddingKey): Promise<boolean>;
}

export interface SharedStoreOptions {
  readonly ttlMs: number;
  /** Told of values that are none of ours, or torn. */
  readonly onCorrupt: () => void;
  readonly onBytes: (direction: 'read' | 'written', bytes: number) => void;
}

/**
 * Embeddings in Redis, which many processes share: values are the files of the disk tier, looked through before anything
 * of them is believed. Without an answer in time an embedding is not there, and what is made stays with who made it.
 */
export class SharedStore implements EmbeddingStore {
  readonly #redis: Connection;
  readonly #guard: Guard;
  readonly #announcer: Announcer;
  readonly #options: SharedStoreOptions;
  readonly #undeleted = new Undeleted();
  /** How often what is being made here had been deleted when that began. */
  readonly #begun = new Map<string, string>();

  constructor(redis: Connection, guard: Guard, announcer: Announcer, options: SharedStoreOptions) {
    this.#redis = redis;
    this.#guard = guard;
    this.#announcer = announcer;
    this.#options = options;
  }

  async get(key: EmbeddingKey) {
    if (this.#undeleted.has(entryName(key))) return undefined;
    const name = keys.embedding(key);
    const version = fileVersion(key);
    const read = async () => {
      const { ttlMs } = this.#options;
      const both = this.#redis.pipeline().hgetBuffer(name, version).pexpire(name, ttlMs);
      const [found] = (await both.exec()) ?? [];
      if (found?.[0]) throw found[0];
      return found?.[1] as Buffer | null | undefined;
    };
    const file = await this.#guard.ask('get', read);
    if (!file) return undefined;
    this.#options.onBytes('read', file.length);
    const fits = file.length <= MAX_FILE_BYTES;
    const embedding = fits ? await decodeFile(key, file).catch(() => undefined) : undefined;
    if (embedding) return { embedding, tier: 'shared' as const };
    this.#options.onCorrupt();
    await this.#guard.ask('drop', () => this.#redis.hdel(name, version));
    return undefined;
  }

  /**
   * To be called before an embedding is made: one that is deleted meanwhile is not kept.
   * @param timeoutMs how long that may take, where nothing is made without it.
   * @returns how often it had been
   */
  async begin(key: EmbeddingKey, timeoutMs?: number): Promise<string | undefined> {
    const count = await this.#guard.ask(
      'begin',
      async () => (await this.#redis.get(keys.deletions(key))) ?? '0',
      timeoutMs,
    );
    if (count !== undefined) this.#begun.set(entryName(key), count);
    return count;
  }

  /** To be called when it was made, or was not. @param deletions as `begin` told them. */
  end(key: EmbeddingKey, deletions: string): void {
    const name = entryName(key);
    // Another may have been begun since, after a deletion.
    if (this.#begun.get(name) === deletions) this.#begun.delete(name);
  }

  async set(key: EmbeddingKey, embedding: Embedding): Promise<void> {
    const count = this.#begun.get(entryName(key));
    // Begun while there was no Redis, nobody knows what was deleted since.
    if (count !== undefined) await this.keep(key, embedding, count).catch(() => {});
  }

  /**
   * @param deletions that had been when it was begun.
   * @returns whether it is kept: not one that was deleted meanwhile. @throws NoAnswer
   */
  async keep(key: EmbeddingKey, embedding: Embedding, deletions: string): Promise<boolean> {
    const file = await encodeFile(key, embedding);
    const at = [keys.embedding(key), keys.deletions(key)];
    const { ttlMs } = this.#options;
    const kept = await this.#guard.insist('set', () =>
      KEEP.run(this.#redis, at, fileVersion(key), file, ttlMs, deletions),
    );
    this.#options.onBytes('written', file.length);
    this.#undeleted.forget(entryName(key));
    return kept === 1;
  }

  /** @throws SamError `not-deleted` when Redis, or what others keep, cannot be reached; this process does not read it again */
  async delete(key: EmbeddingKey): Promise<boolean> {
    const at = [keys.embedding(key), keys.deletions(key)];
    try {
      const there = await this.#guard.insist('delete', () =>
        DELETE.run(this.#redis, at, fileVersion(key), DELETIONS_TTL_MS),
      );
      const elsewhere = await this.#announcer.announce(key);
      this.#undeleted.forget(entryName(key));
      return there === 1 || elsewhere;
    } catch (cause) {
      this.#undeleted.add(entryName(key));
      const message =
        'the embedding could not be deleted from the store that is shared: this process uses it no more, others may; try again';
      throw new SamError('not-deleted', message, { retryAfter: RETRY_SECONDS, cause });
    }
  }

  async hasOther(key: EmbeddingKey): Promise<boolean> {
    const versions = await this.#guard.ask('others', () => this.#redis.hkeys(keys.embedding(key)));
    return versions?.some((version) => version !== fileVersion(key)) ?? false;
  }
}
