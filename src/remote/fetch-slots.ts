import { SamError } from '../core/errors.js';

/** How many images are fetched at once, in all and from one host. */
export interface FetchLimits {
  readonly total: number;
  readonly perHost: number;
}

/** Bounds the fetches at once, and those from one host, so that a slow one cannot hold all places. */
export class FetchSlots {
  readonly #limits: FetchLimits;
  readonly #byHost = new Map<string, number>();
  #total = 0;

  constructor(limits: FetchLimits) {
    this.#limits = limits;
  }

  /**
   * Runs `work` in one of a host's places.
   * @throws SamError `overloaded` when none is free
   */
  async in<T>(host: string, work: () => Promise<T>): Promise<T> {
    const taken = this.#byHost.get(host) ?? 0;
    if (this.#total >= this.#limits.total) throw busy('too many images are being fetched');
    if (taken >= this.#limits.perHost) {
      throw busy('too many images are being fetched from this host');
    }
    this.#total++;
    this.#byHost.set(host, taken + 1);
    try {
      return await work();
    } finally {
      this.#total--;
      const left = (this.#byHost.get(host) ?? 1) - 1;
      if (left > 0) this.#byHost.set(host, left);
      else this.#byHost.delete(host);
    }
  }
}

function busy(reason: string): SamError {
  return new SamError('overloaded', `${reason}: try again, or send the image itself`, {
    retryAfter: 1,
  });
}
