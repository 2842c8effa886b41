/** What is known of a client that waits or was served lately. */
interface Share {
  /** Turns of its tasks that wait, rising. */
  readonly waiting: number[];
  /** The turn of the last task that was done for it. */
  served: number;
}

/** Turns that a task costs at most. */
const MOST_TURNS = 16;
/** Clients that are remembered though none of their tasks waits. */
const MOST_IDLE = 1024;

/**
 * Whose turn it is: start-time fair queueing. A client's tasks have turns one after the other, the first of them the one
 * that is being served. So a newcomer waits for at most one task of each other client, however many those have.
 */
export class Turns {
  readonly #shares = new Map<string, Share>();
  #now = 0;

  /** Tasks of a client that wait. */
  waiting(client: string): number {
    return this.#shares.get(client)?.waiting.length ?? 0;
  }

  /** The turn of a client's next task. */
  join(client: string): number {
    const share = this.#shares.get(client) ?? { waiting: [], served: Number.NEGATIVE_INFINITY };
    const turn = Math.max(this.#now, (share.waiting.at(-1) ?? share.served) + 1);
    share.waiting.push(turn);
    this.#shares.set(client, share);
    return turn;
  }

  /** A task left before it was its turn: those that come later need not pay for it. */
  leave(client: string, turn: number): void {
    const share = this.#shares.get(client);
    const at = share?.waiting.indexOf(turn) ?? -1;
    if (at >= 0) share?.waiting.splice(at, 1);
    this.#forget();
  }

  /** A task of a client is served. */
  serve(client: string, turn: number): void {
    const share = this.#shares.get(client);
    if (share) share.served = Math.max(share.served, turn);
    this.leave(client, turn);
  }

  /** A client's task took `times` as long as one does on average: its next have their turn as much later. */
  charge(client: string, times: number): void {
    const share = this.#shares.get(client);
    if (share) share.served += Math.min(MOST_TURNS, Math.max(0, Math.round(times) - 1));
  }

  /** The turn that is served now: the first of all that wait, whichever is taken. */
  advance(turn: number): void {
    this.#now = Math.max(this.#now, turn);
  }

  /** Who has nothing here is forgotten when nobody waits, or when those like it have become too many to remember. */
  #forget(): void {
    const idle = [...this.#shares].filter(([, { waiting }]) => waiting.length === 0);
    if (idle.length < this.#shares.size && idle.length < MOST_IDLE) return;
    for (const [client] of idle) this.#shares.delete(client);
  }
}
