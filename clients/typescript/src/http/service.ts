import { problemOf } from './problem-answer.js';

/** How a request travels: `fetch`, or what tells more of an upload. */
export type Send = (url: string, init: RequestInit) => Promise<Response>;

export interface ServiceOptions {
  readonly url: string | URL;
  readonly apiKey: string | (() => string | undefined) | undefined;
  readonly fetch: Send;
  readonly retries: number;
  readonly longestWait: number;
}

/** Requests to one service: its key goes along, problems are thrown, and a busy service is asked again. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #base: URL;

  constructor(options: ServiceOptions) {
    this.#options = options;
    // Relative paths then lie in the folder that a proxy may have put the service in.
    this.#base = new URL(options.url);
    this.#base.pathname = this.#base.pathname.replace(/\/*$/, '/');
  }

  /** @param path as in openapi.yaml, its first slash included. */
  url(path: string): string {
    return new URL(path.slice(1), this.#base).href;
  }

  /**
   * @returns an answer that is no error; 304 is none.
   * @throws SamProblem; whatever `send` throws, an abort among it
   */
  async request(
    path: string,
    init: RequestInit = {},
    send: Send = this.#options.fetch,
  ): Promise<Response> {
    const { retries, longestWait } = this.#options;
    for (let left = retries; ; left--) {
      const response = await send(this.url(path), { ...init, headers: this.#headers(init) });
      if (response.ok || response.status === 304) return response;
      const problem = await problemOf(response);
      const wait = problem.retryAfter ?? Number.POSITIVE_INFINITY;
      if (problem.status !== 503 || left <= 0 || wait > longestWait) throw problem;
      await pause(wait, init.signal);
    }
  }

  /** A request with JSON in its body, if it has one, whose answer is JSON. */
  async json<T>(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const response = await this.request(path, jsonRequest(method, body, signal));
    return (await response.json()) as T;
  }

  #headers({ headers }: RequestInit): Headers {
    const { apiKey } = this.#options;
    const key = typeof apiKey === 'function' ? apiKey() : apiKey;
    const all = new Headers(headers);
    if (key) all.set('authorization', `Bearer ${key}`);
    return all;
  }
}

export function jsonRequest(
  method: string,
  body: unknown,
  signal: AbortSignal | undefined,
  accept = 'application/json',
): RequestInit {
  return {
    method,
    headers: { accept, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  };
}

/** @throws the signal's reason */
function pause(ms: number, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
