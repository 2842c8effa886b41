import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { SamError } from '../core/errors.js';
import type { RemoteImages } from '../core/ports.js';
import type { AllowedHosts } from './allowed-hosts.js';
import { type FetchLimits, FetchSlots } from './fetch-slots.js';
import { HostNames } from './host-names.js';
import { notAllowed } from './not-allowed.js';
import { Origin } from './origin.js';
import { isPublicAddress } from './public-address.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 3;

/** An image takes a fraction of a second, an encoder as long: more places would only hold more memory. */
const LIMITS: FetchLimits = { total: 32, perHost: 8 };

export interface ImageUrlOptions {
  readonly hosts: AllowedHosts;
  /** For all of a fetch, the lookup of names and its redirects included. */
  readonly timeoutMs: number;
  /** Which addresses may be connected to. */
  readonly allows?: (address: string) => boolean;
  readonly names?: HostNames;
  readonly limits?: FetchLimits;
}

/**
 * Fetches images by URL, from the hosts allowed and from public addresses only. The address is judged where
 * the connection is made, so that no name can mean one host when it is checked and another when it is used,
 * and every redirect is judged anew. Nothing an upstream says, and no address, reaches a message.
 */
export class ImageUrls implements RemoteImages {
  readonly #hosts: AllowedHosts;
  readonly #timeoutMs: number;
  readonly #allows: (address: string) => boolean;
  readonly #names: HostNames;
  readonly #slots: FetchSlots;

  constructor({ hosts, timeoutMs, ...options }: ImageUrlOptions) {
    this.#hosts = hosts;
    this.#timeoutMs = timeoutMs;
    this.#allows = options.allows ?? isPublicAddress;
    this.#names = options.names ?? new HostNames();
    this.#slots = new FetchSlots(options.limits ?? LIMITS);
  }

  /** As the port says. @throws also SamError `overloaded` when too many images are fetched at once */
  async read<T>(
    url: string,
    receive: (body: Readable) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    // Not AbortSignal.timeout: one that only AbortSignal.any refers to may be collected before it fires.
    const over = new AbortController();
    const late = setTimeout(
      () => over.abort(new Error('the deadline has passed')),
      this.#timeoutMs,
    );
    const leave = () => over.abort(signal?.reason);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      signal?.throwIfAborted();
      return await this.#follow(url, receive, over.signal);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      if (cause instanceof SamError) throw cause;
      throw new SamError('source-unavailable', 'the image could not be fetched', { cause });
    } finally {
      clearTimeout(late);
      signal?.removeEventListener('abort', leave);
    }
  }

  async #follow<T>(
    start: string,
    receive: (body: Readable) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    let from: URL | undefined;
    let to = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const url = this.#check(to, from);
      const host = url.hostname.replace(/\.$/, '');
      const hop = await this.#slots.in(host, () => this.#ask(url, receive, signal));
      if ('received' in hop) return hop.received;
      from = url;
      to = hop.location;
    }
    throw new Error('too many redirects');
  }

  /** @throws SamError `source-not-allowed` */
  #check(text: string, from: URL | undefined): URL {
    if (!URL.canParse(text, from?.href)) throw notAllowed();
    const url = new URL(text, from);
    const { protocol, username, password } = url;
    const web = protocol === 'https:' || (protocol === 'http:' && from?.protocol !== 'https:');
    if (!web || username || password || !this.#hosts.has(url)) throw notAllowed();
    // A literal address is never looked up.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) && !this.#allows(host)) throw notAllowed();
    return url;
  }

  /** What came of one URL: what `receive` made of the image, or where else to look. */
  async #ask<T>(
    url: URL,
    receive: (body: Readable) => Promise<T>,
    signal: AbortSignal,
  ): Promise<{ received: T } | { location: string }> {
    const resolve = (name: string) => this.#names.resolve(name, signal);
    const origin = new Origin(url, { resolve, allows: this.#allows, signal });
    try {
      const { statusCode = 0, headers } = await origin.answer();
      if (statusCode === 200 && (headers['content-encoding'] ?? 'identity') === 'identity') {
        return { received: await origin.body(receive) };
      }
      if (!REDIRECTS.has(statusCode) || !headers.location) throw new Error(`status ${statusCode}`);
      return { location: headers.location };
    } finally {
      origin.close();
    }
  }
}
