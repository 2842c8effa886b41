/** What the memory of a request is spent on; each kind has a gauge in `/metrics`. */
export const MEMORY_KINDS = ['body', 'json', 'pixels', 'masks', 'answer'] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];

/** The bytes one request holds. All of them are given back when the request is over, whatever became of it. */
export interface Account {
  /**
   * Books bytes, before they are allocated.
   * @throws SamError `overloaded` when the service, or this client, holds too much already
   */
  take(kind: MemoryKind, bytes: number): void;
  /** Gives bytes back before the request is over. */
  give(kind: MemoryKind, bytes: number): void;
  /** Keeps the account open until `work` has settled, which may outlast the request. */
  during<T>(work: Promise<T>): Promise<T>;
}

/** Whom work is done for. */
export interface Caller {
  /** The name of a key, or an address: shares of memory and of workers are counted by it. */
  readonly client: string;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly memory: Account;
  /** The name under which its embeddings and tokens are kept apart from others', where they are. */
  readonly owner?: string | undefined;
  /** What stands for it in traces, where there are any: the value of a `traceparent` header. */
  readonly trace?: string | undefined;
  /** The name of its request in logs and answers. */
  readonly requestId?: string;
  /** What its work comes to, for a log and a trace. */
  readonly report?: Report;
}

/**
 * Takes what is known of a request once a stage of its work is over.
 * @param timings of that stage, in milliseconds by step.
 */
export type Report = (
  stage: 'image' | 'masks',
  facts: Readonly<Record<string, unknown>>,
  timings: Readonly<Record<string, number>>,
) => void;

/** The same client and account, for work that is given up by another signal. */
export function withSignal(caller: Caller, signal: AbortSignal): Caller {
  const { client, memory, owner, trace, requestId } = caller;
  return { client, memory, owner, trace, signal, ...(requestId !== undefined && { requestId }) };
}
