/** A request that has been answered, as traces take it. */
export interface RequestTrace {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly problem: string | undefined;
  readonly requestId: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The `traceparent` by which its span has been named elsewhere, if it has. */
  readonly span?: string;
  /** Milliseconds since the epoch, and how many it took. */
  readonly start: number;
  readonly ms: number;
  /** Its steps in their order, with their milliseconds. */
  readonly steps: readonly (readonly [name: string, ms: number])[];
}

/** Work that was done for a request of another process, as traces take it. */
export interface JobTrace {
  readonly name: string;
  /** The `traceparent` of that request. */
  readonly parent: string;
  readonly requestId: string | undefined;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly start: number;
  readonly ms: number;
  readonly steps: readonly (readonly [name: string, ms: number])[];
}
