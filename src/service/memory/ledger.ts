import { type Account, MEMORY_KINDS, type MemoryKind } from '../../core/caller.js';
import { SamError } from '../../core/errors.js';

const RETRY_AFTER = 1;
/** Who waits for its client for so many milliseconds has stalled, and gives way to those who do not. */
const STALLED_MS = 1000;
/** Requests that hold no more are small, as clicks are: a part of the memory is for them alone. */
const SMALL_BYTES = 2 ** 20;
const SHARE_FOR_SMALL = 1 / 8;

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
 * booked before it is allocated. Where it would be too much, requests give way that wait for their own clients, for the
 * rest of a body or for an answer to be read: those that have stalled, and those of clients that hold more than the one
 * that asks.
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
    this.#makeRoom(account, kind, bytes);
    this.#change(client, kind, bytes);
  }

  /** Which bound the bytes would go over. */
  #exceeded(own: RequestAccount, kind: MemoryKind, bytes: number): 'client' | 'all' | undefined {
    const { maxBytes, maxClientBytes, maxBodyBytes } = this.#limits;
    if (this.#heldBy(own.client) + bytes > maxClientBytes) return 'client';
    const usable = own.held + bytes > SMALL_BYTES ? 1 - SHARE_FOR_SMALL : 1;
    if (this.#total + bytes > usable * maxBytes) return 'all';
    if (kind === 'body' && this.held(kind) + bytes > usable * maxBodyBytes) return 'all';
    return undefined;
  }

  #heldBy(client: string): number {
    return this.#clients.get(client) ?? 0;
  }

  /** Ends waiting requests until `bytes` more fit. @throws SamError `overloaded` when they do not even then */
  #makeRoom(own: RequestAccount, kind: MemoryKind, bytes: number): void {
    for (;;) {
      const exceeded = this.#exceeded(own, kind, bytes);
      if (!exceeded) return;
      const next = this.#givesWay(own, exceeded, bytes);
      if (!next) break;
      next.end();
    }
    throw new SamError('overloaded', 'too much memory is in use for requests', {
      retryAfter: RETRY_AFTER,
    });
  }

  /** The request that has stalled for longest or, if none has, the slowest of the client that holds most. */
  #givesWay(own: RequestAccount, exceeded: 'client' | 'all', bytes: number) {
    const before = this.#now() - STALLED_MS;
    const most = this.#heldBy(own.client) + bytes;
    let chosen: RequestAccount | undefined;
    const weight = (each: RequestAccount) =>
      each.movedAt < before ? Number.POSITIVE_INFINITY : this.#heldBy(each.client);
    for (const each of this.#waiting) {
      if (each === own || each.held === 0) continue;
      if (exceeded === 'client' && each.client !== own.client) continue;
      const [heavy, least] = [weight(each), chosen ? weight(chosen) : most];
      const slower = heavy === least && chosen && each.movedAt < chosen.movedAt;
      if (heavy > least || slower) chosen = each;
    }
    return chosen;
  }

  #change(client: string, kind: MemoryKind, bytes: number): void {
    this.#total += bytes;
    this.#held.set(kind, this.held(kind) + bytes);
    const held = this.#heldBy(client) + bytes;
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
  /** Bytes in all. */
  held = 0;
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
    this.held += bytes;
    // The request may be over while work that was begun for it still finds that it needs more.
    if (this.#users === 0) this.#giveAll();
  }

  give(kind: MemoryKind, bytes: number): void {
    const held = this.#held.get(kind) ?? 0;
    const given = Math.min(bytes, held);
    this.#held.set(kind, held - given);
    this.held -= given;
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
    this.held = 0;
  }
}
