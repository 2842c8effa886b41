import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Caller, Report } from '../../core/caller.js';
import type { Ledger, RequestAccount } from '../../service/memory/ledger.js';
import { clientAddress } from './client-address.js';

/** What the steps of each stage are called in a trace and in the log, where not by their timing: two of them decode. */
const STEPS = {
  image: { decode_ms: 'decode image' },
  masks: { masks_ms: 'mask' },
} as Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Of W3C's Trace Context. */
const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/;

function hex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** Whom a request comes from. Who that is, is known once its key has been read: nothing is booked before. */
export class RequestCaller implements Caller {
  /** What the request's log line says beside route, status and time. */
  readonly facts: Record<string, unknown> = {};
  /** What it went through, for its trace. */
  readonly steps: (readonly [name: string, ms: number])[] = [];
  readonly #request: FastifyRequest;
  readonly #ledger: Ledger;
  readonly #gone = new AbortController();
  readonly #traced: boolean;
  #trace: string | undefined;
  #account: RequestAccount | undefined;
  #over = false;

  /** @param traced whether there are traces. */
  constructor(request: FastifyRequest, ledger: Ledger, traced = false) {
    this.#request = request;
    this.#ledger = ledger;
    this.#traced = traced;
  }

  /**
   * Aborts when the client leaves before its answer is out. Fastify's own `signal` follows the request's body: it aborts
   * once that has been read, or never.
   */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get client(): string {
    const { key } = this.#request;
    return key ? `key ${key.name}` : clientAddress(this.#request);
  }

  get owner(): string | undefined {
    return this.#request.owner;
  }

  get requestId(): string {
    return this.#request.id;
  }

  /** Made when work for it goes elsewhere: its own span has no other name then. */
  get trace(): string | undefined {
    if (!this.#traced) return undefined;
    const [, trace, flags] = TRACEPARENT.exec(`${this.#request.headers['traceparent']}`) ?? [];
    this.#trace ??= `00-${trace ?? hex(16)}-${hex(8)}-${flags ?? '01'}`;
    return this.#trace;
  }

  /** As `trace`, where that was ever made. */
  get givenTrace(): string | undefined {
    return this.#trace;
  }

  get memory(): RequestAccount {
    this.#account ??= this.#ledger.open(this.client);
    // What begins when the request is over holds its bytes for as long as it goes on by itself.
    if (this.#over) this.#account.close();
    return this.#account;
  }

  readonly report: Report = (stage, facts, timings) => {
    Object.assign(this.facts, facts);
    for (const [key, ms] of Object.entries(timings)) {
      this.steps.push([STEPS[stage]?.[key] ?? key.replace(/_ms$/, ''), ms]);
    }
  };

  /** To be called when the answer is out, or nobody takes it. @param isOut whether all of it was taken. */
  close(isOut: boolean): void {
    if (!isOut) this.#gone.abort();
    this.#over = true;
    this.#account?.close();
  }
}
