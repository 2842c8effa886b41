import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../core/caller.js';
import type { Ledger, RequestAccount } from '../../service/memory/ledger.js';
import { clientAddress } from './client-address.js';

/** Whom a request comes from. Who that is, is known once its key has been read: nothing is booked before. */
export class RequestCaller implements Caller {
  readonly signal: AbortSignal;
  readonly #request: FastifyRequest;
  readonly #ledger: Ledger;
  #account: RequestAccount | undefined;
  #over = false;

  /** @param departure aborts when the client leaves before its answer is out. */
  constructor(request: FastifyRequest, departure: AbortSignal, ledger: Ledger) {
    this.signal = departure;
    this.#request = request;
    this.#ledger = ledger;
  }

  get client(): string {
    const { key } = this.#request;
    return key ? `key ${key.name}` : clientAddress(this.#request);
  }

  get memory(): RequestAccount {
    this.#account ??= this.#ledger.open(this.client);
    // What begins when the request is over holds its bytes for as long as it goes on by itself.
    if (this.#over) this.#account.close();
    return this.#account;
  }

  /** To be called when the answer is out, or nobody takes it. */
  close(): void {
    this.#over = true;
    this.#account?.close();
  }
}
