import { type Account, MEMORY_KINDS, type MemoryKind } from '../core/caller.js';
import { SamError } from '../core/errors.js';

const RETRY_AFTER = 1;
/** Who waits for its client for so many milliseconds has stalled, and gives way to those who do not. */
const STALLED_MS = 1000;

export interface LedgerLimits {
  /** Bytes of all requests together. */
  readonly maxBytes: number;
  /** Bytes of one client's requests. */
  readonly maxClientBytes: number;
  /** Bytes of all bodies: what arrives must leave room for what is made of it. */
  readonly maxBodyBytes: number;
}

/**
 * The memory that clients make the service hold: bodies, what is parsed from them, pixels, masks, answers. It is
 * booked before it is allocated. Where it would be too much, requests that wait for their own client, in a body that
 * has stalled or an answer that is not read, are ended first, the slowest of them before the others.
 */
export class Ledger {
  readonly #limits: LedgerLimits;
  readonly #now: () => number;
  readonly #held = new Map<MemoryKind, number>(MEMORY_KINDS.map((kind) => [kind, 0]));
  readonly #clients = new Map<string, number>();
  readonly #waiting = new Set<RequestAccount>();
  #total = 0;

  constructor(limits: LedgerLimits, now = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Bytes of a kind that requests hold now. */
  held(kind: MemoryKind): number {
    return this.#held.get(kind) as number;
  }

  /** An account for a request of `client`. */
  open(client: string): RequestAccount {
    const account: RequestAccount = new RequestAccount(client, {
      take: (kind, bytes) => this.#take(account, client, kind, bytes),
      give: (kind, bytes) => this.#change(client, kind, -bytes),
      wait: (waits) => this.#waiting[waits ? 'add' : 'delete'](account),
      now: this.#now,
    });
    return account;
  }

  #take(account: RequestAccount, client: string, kind: MemoryKind, bytes: number): void {
    this.#makeRoom(account, client, kind, bytes);
    this.#change(client, kind, bytes);
  }

  /** Which bound the bytes would go over. */
  #exceeded(client: string, kind: MemoryKind, bytes: number): 'client' | 'all' | undefined {
    const { maxBytes, maxClientBytes, maxBodyBytes } = this.#limits;
    if ((this.#clients.get(client) ?? 0) + bytes > maxClientBytes) return 'client';
    if (this.#total + bytes > maxBytes) return 'all';
    return kind === 'body' && this.held('body') + bytes > maxBodyBytes ? 'all' : undefined;
  }

  /** Ends stalled requests until `bytes` more fit. @throws SamError `overloaded` when they do not even then */
  #makeRoom(own: RequestAccount, client: string, kind: MemoryKind, bytes: number): void {
    if (!this.#exceeded(client, kind, bytes)) return;
    const before = this.#now() - STALLED_MS;
    const stalled = [...this.#waiting].filter((each) => each !== own && each.movedAt < before);
    stalled.sort((a, b) => a.movedAt - b.movedAt);
    for (;;) {
      const exceeded = this.#exceeded(client, kind, bytes);
      if (!exceeded) return;
      const next = stalled.findIndex((each) => exceeded === 'all' || each.client === client);
      if (next < 0) break;
      stalled.splice(next, 1)[0]?.end();
    }
    throw new SamError('overloaded', 'too much memory is in use for requests', {
      retryAfter: RETRY_AFTER,
    });
  }

  #change(client: string, kind: MemoryKind, bytes: number): void {
    this.#total += bytes;
    this.#held.set(kind, this.held(kind) + bytes);
    const held = (this.#clients.get(client) ?? 0) + bytes;
    if (held > 0) this.#clients.set(client, held);
    else this.#clients.delete(client);
  }
}

/** The ledger, as one of its accounts sees it. */
interface Page {
  take(kind: MemoryKind, bytes: number): void;
  give(kind: MemoryKind, bytes: number): void;
  wait(waits: boolean): void;
  now(): number;
}

/** What one request holds. */
export class RequestAccount implements Account {
  readonly client: string;
  readonly #page: Page;
  readonly #held = new Map<MemoryKind, number>();
  /** The request itself, and work that outlasts it. */
  #users = 1;
  #open = true;
  #onEnd: (() => void) | undefined;
  /** When its client last sent or took something, on the ledger's clock. */
  movedAt: number;

  constructor(client: string, page: Page) {
    this.client = client;
    this.#page = page;
    this.movedAt = page.now();
  }

  take(kind: MemoryKind, bytes: number): void {
    this.#page.take(kind, bytes);
    this.#held.set(kind, (this.#held.get(kind) ?? 0) + bytes);
    // The request may be over while work that was begun for it still finds that it needs more.
    if (this.#users === 0) this.#giveAll();
  }

  give(kind: MemoryKind, bytes: number): void {
    const held = this.#held.get(kind) ?? 0;
    const given = Math.min(bytes, held);
    this.#held.set(kind, held - given);
    this.#page.give(kind, given);
  }

  async during<T>(work: Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await work;
    } finally {
      this.#leave();
    }
  }

  /** Says that the request waits for its client from now on. @param onEnd ends it when its memory is needed. */
  awaitClient(onEnd: () => void): void {
    this.#onEnd = onEnd;
    this.moved();
    this.#page.wait(true);
  }

  /** Says that the client has sent or taken something. */
  moved(): void {
    this.movedAt = this.#page.now();
  }

  /** Says that the request waits for its client no longer. */
  clientDone(): void {
    this.#onEnd = undefined;
    this.#page.wait(false);
  }

  /** Ends a request that waits for its client, and gives back what it held. */
  end(): void {
    const end = this.#onEnd;
    this.clientDone();
    this.#giveAll();
    end?.();
  }

  /** To be called when the request is over. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.clientDone();
    this.#leave();
  }

  #leave(): void {
    this.#users--;
    if (this.#users === 0) this.#giveAll();
  }

  #giveAll(): void {
    for (const [kind, bytes] of this.#held) this.#page.give(kind, bytes);
    this.#held.clear();
  }
}
