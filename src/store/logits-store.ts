import { randomBytes } from 'node:crypto';
import type { Tensor } from '../core/tensors/tensor.js';

interface Kept {
  readonly logits: Tensor;
  readonly client: string;
  readonly owner: string | undefined;
  /** When it was last used, on the clock of `performance`. */
  readonly usedAt: number;
}

/** What a client has: its tokens, the least recently used first. */
interface Holding {
  readonly tokens: Set<string>;
  bytes: number;
}

/**
 * Logits that clients may refer to by token instead of sending them back: bounded, and for a while only. The client
 * that holds most makes room, so that none can push out the tokens of clients that hold less.
 */
export class LogitsStore {
  readonly #maxBytes: number;
  readonly #ttl: number;
  /** By token, the least recently used first. */
  readonly #entries = new Map<string, Kept>();
  /** Only those who hold something. */
  readonly #clients = new Map<string, Holding>();
  #bytes = 0;

  /** @param ttl milliseconds after its last use for which an entry is kept. */
  constructor(maxBytes: number, ttl: number) {
    this.#maxBytes = maxBytes;
    this.#ttl = ttl;
  }

  /**
   * @param client whose share of the bytes it counts to.
   * @param owner who alone can find it; without one it is everybody's who has the token.
   * @returns a token nobody can guess.
   */
  keep(logits: Tensor, client: string, owner?: string): string {
    const token = randomBytes(18).toString('base64url');
    this.#dropExpired();
    this.#add(token, { logits, client, owner, usedAt: performance.now() });
    while (this.#bytes > this.#maxBytes) this.#dropOne();
    return token;
  }

  /** @param owner as it was kept with. */
  find(token: string, owner?: string): Tensor | undefined {
    this.#dropExpired();
    const kept = this.#entries.get(token);
    if (!kept || kept.owner !== owner) return undefined;
    this.#drop(token, kept);
    this.#add(token, { ...kept, usedAt: performance.now() });
    return kept.logits;
  }

  /** Bytes held, and clients that hold them. */
  get usage(): { bytes: number; clients: number } {
    return { bytes: this.#bytes, clients: this.#clients.size };
  }

  #add(token: string, kept: Kept): void {
    const { client, logits } = kept;
    const holding = this.#clients.get(client) ?? { tokens: new Set(), bytes: 0 };
    this.#clients.set(client, holding);
    this.#entries.set(token, kept);
    holding.tokens.add(token);
    holding.bytes += logits.bytes.length;
    this.#bytes += logits.bytes.length;
  }

  #drop(token: string, { client, logits }: Kept): void {
    this.#entries.delete(token);
    this.#bytes -= logits.bytes.length;
    const holding = this.#clients.get(client) as Holding;
    holding.tokens.delete(token);
    holding.bytes -= logits.bytes.length;
    if (holding.tokens.size === 0) this.#clients.delete(client);
  }

  /** All live equally long after their last use, so those that have expired come first. */
  #dropExpired(): void {
    const before = performance.now() - this.#ttl;
    for (const [token, kept] of this.#entries) {
      if (kept.usedAt >= before) return;
      this.#drop(token, kept);
    }
  }

  /**
   * Drops the least recently used entry of the client that holds most, of several the one that has not used its own for
   * longest. There are no more clients than entries, a few hundred by default.
   */
  #dropOne(): void {
    let oldest: [token: string, kept: Kept] | undefined;
    let most = 0;
    for (const { tokens, bytes } of this.#clients.values()) {
      if (bytes < most) continue;
      const [token = ''] = tokens;
      const kept = this.#entries.get(token) as Kept;
      if (oldest && bytes === most && kept.usedAt >= oldest[1].usedAt) continue;
      oldest = [token, kept];
      most = bytes;
    }
    if (oldest) this.#drop(...oldest);
  }
}
