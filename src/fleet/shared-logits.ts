import { createHash } from 'node:crypto';
import type { EmbeddingKey, LogitsKeeper } from '../core/ports.js';
import type { Tensor } from '../core/tensors/tensor.js';
import { decodeFile, encodeFile } from '../store/disk-format.js';
import type { Connection } from './connection.js';
import type { Guard } from './guard.js';
import { keys } from './keys.js';

/**
 * Logits that any process finds by their token. They lie under its hash, in the format of embeddings: who sees Redis
 * can neither use a token nor put something in its place unnoticed.
 */
export class SharedLogits implements LogitsKeeper {
  readonly #local: LogitsKeeper;
  readonly #redis: Connection;
  readonly #guard: Guard;
  readonly #ttlMs: number;

  /** @param ttlMs milliseconds after their last use for which they are kept. */
  constructor(local: LogitsKeeper, redis: Connection, guard: Guard, ttlMs: number) {
    this.#local = local;
    this.#redis = redis;
    this.#guard = guard;
    this.#ttlMs = ttlMs;
  }

  async keep(logits: Tensor, client: string, owner?: string): Promise<string> {
    const token = await this.#local.keep(logits, client, owner);
    const key = keyOf(token, owner);
    const about = { ...key, model: 'logits', image: { width: 0, height: 0 } };
    const file = await encodeFile(key, { ...about, tensors: { logits } });
    // The next click may come to another process: it is there when the answer is.
    await this.#guard.ask('set logits', () =>
      this.#redis.set(nameOf(token), file, 'PX', this.#ttlMs),
    );
    return token;
  }

  async find(token: string, owner?: string): Promise<Tensor | undefined> {
    const own = await this.#local.find(token, owner);
    if (own) {
      // Used here, it must not end elsewhere.
      void this.#guard.ask('renew', () => this.#redis.pexpire(nameOf(token), this.#ttlMs));
      return own;
    }
    const file = await this.#guard.ask('get logits', () => this.#redis.getBuffer(nameOf(token)));
    const key = keyOf(token, owner);
    const found = file && (await decodeFile(key, file).catch(() => undefined));
    if (!found) return undefined;
    void this.#guard.ask('renew', () => this.#redis.pexpire(nameOf(token), this.#ttlMs));
    return found.tensors['logits'];
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function nameOf(token: string): string {
  return keys.logits(hashOf(token));
}

function keyOf(token: string, owner: string | undefined): EmbeddingKey {
  const id = `logits:${hashOf(token)}`;
  return { id, fingerprint: 'logits', ...(owner !== undefined && { owner }) };
}
