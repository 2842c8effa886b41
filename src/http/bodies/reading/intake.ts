import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import { CLOCK, type Clock } from '../../../core/clock.js';

/** Bytes of bodies a second, of all clients together, that leave the processor to what is done with them. */
const BYTES_PER_CORE = 8e6;
/** What a client may send at once before it waits: a large photograph. */
const BURST_BYTES = 32 * 2 ** 20;
/** A chunk costs as much time as so many bytes of a large one. */
const CHUNK_COST = 2048;
/** Milliseconds between two times that debts are lowered. */
const WINDOW_MS = 50;
/** Nobody waits longer at once: a body on which nothing moves for a second has stalled. */
const LONGEST_MS = 250;
/** Nobody waits for less: a body in small chunks would take hours otherwise. */
const LEAST_BYTES = 64 * 1024;

/**
 * The reading of bodies, which takes the main thread's time and makes garbage whatever becomes of them. Clients that
 * send more than a burst have equal shares of a rate: who sends faster waits, and others do not wait for it.
 */
export class Intake {
  readonly #bytesPerMs: number;
  readonly #clock: Clock;
  /** What clients have sent and not had the time for, in bytes. */
  readonly #debts = new Map<string, number>();
  #loweredAt: number;

  /** @param cores that the process may use. */
  constructor(cores: number, clock: Clock = CLOCK) {
    this.#bytesPerMs = (cores * BYTES_PER_CORE) / 1000;
    this.#clock = clock;
    this.#loweredAt = clock.now();
  }

  /** Counts what was read. @returns milliseconds for which to read no more from where it came. */
  take(client: string, bytes: number): number {
    if (this.#clock.now() - this.#loweredAt >= WINDOW_MS) this.#lower();
    const debt = (this.#debts.get(client) ?? 0) + bytes;
    this.#debts.set(client, debt);
    const excess = debt - BURST_BYTES;
    return excess <= 0 ? 0 : Math.min(LONGEST_MS, excess / this.#share);
  }

  /** Of one client, in bytes a millisecond. */
  get #share(): number {
    return this.#bytesPerMs / Math.max(1, this.#debts.size);
  }

  #lower(): void {
    const now = this.#clock.now();
    const paid = (now - this.#loweredAt) * this.#share;
    this.#loweredAt = now;
    for (const [client, debt] of this.#debts) {
      if (debt > paid) this.#debts.set(client, debt - paid);
      else this.#debts.delete(client);
    }
  }
}

/** Of the process: it has one main thread. */
const intake = new Intake(availableParallelism());

/** @returns what counts the chunks of a client's body, and stops the stream for as long as the client is to wait */
export function pacer(stream: Readable, client: string): (chunk: Uint8Array) => void {
  let uncounted = 0;
  return ({ length }) => {
    uncounted += length + CHUNK_COST;
    if (uncounted < LEAST_BYTES) return;
    const ms = intake.take(client, uncounted);
    uncounted = 0;
    if (ms === 0) return;
    stream.pause();
    setTimeout(() => stream.resume(), ms).unref();
  };
}
