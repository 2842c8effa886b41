interface Flight<T> {
  readonly result: Promise<T>;
  readonly abandoned: AbortController;
  waiters: number;
}

/**
 * The work of a flight.
 * @param abandoned fires when the last one waiting has gone.
 * @param isDropped whether the result is for those only who wait for it already, and not to be kept.
 */
export type Start<T> = (abandoned: AbortSignal, isDropped: () => boolean) => Promise<T>;

/** Work that many ask for at once and one does. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /**
   * Joins the flight of `key`, or starts it.
   * @param signal lets this caller go without disturbing the others.
   * @returns the result and whether another caller had started it.
   */
  async run(
    key: string,
    start: Start<T>,
    signal?: AbortSignal,
  ): Promise<{ value: T; joined: boolean }> {
    for (;;) {
      signal?.throwIfAborted();
      const running = this.#flights.get(key);
      const flight = running ?? this.#take(key, start);
      flight.waiters++;
      try {
        return { value: await leaveable(flight.result, signal), joined: running !== undefined };
      } catch (error) {
        // Joined in the very moment in which the last of the others left: begin anew.
        if (!flight.abandoned.signal.aborted || signal?.aborted) throw error;
      } finally {
        flight.waiters--;
        // A flight under way may still land, and serves the requests that join meanwhile.
        if (flight.waiters === 0) flight.abandoned.abort();
      }
    }
  }

  /** Lets nobody join the flight of `key` any more. @returns whether there was one. */
  drop(key: string): boolean {
    return this.#flights.delete(key);
  }

  #take(key: string, start: Start<T>): Flight<T> {
    const abandoned = new AbortController();
    let flight: Flight<T> | undefined;
    const isDropped = () => flight !== undefined && this.#flights.get(key) !== flight;
    flight = { result: start(abandoned.signal, isDropped), abandoned, waiters: 0 };
    this.#flights.set(key, flight);
    const land = () => {
      if (!isDropped()) this.#flights.delete(key);
    };
    flight.result.then(land, land);
    return flight;
  }
}

/** `result`, unless `signal` fires first. */
async function leaveable<T>(result: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return result;
  let leave: () => void = () => {};
  const gone = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([result, gone]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
