/** Time, as what waits for it takes it: tests have one of their own. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls back after so many milliseconds, and does not keep the process alive. @returns what calls it off */
  after(ms: number, callback: () => void): () => void;
}

/** The machine's. */
export const CLOCK: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms).unref();
    return () => clearTimeout(timer);
  },
};
