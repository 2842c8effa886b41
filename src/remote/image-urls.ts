import { lookup } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { SamError } from '../core/errors.js';
import type { RemoteImages } from '../core/ports.js';
import type { AllowedHosts } from './allowed-hosts.js';
import { isPublicAddress } from './public-address.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 3;

export interface ImageUrlOptions {
  readonly hosts: AllowedHosts;
  /** For all of a fetch, its redirects included. */
  readonly timeoutMs: number;
  /** Which addresses may be connected to. */
  readonly allows?: (address: string) => boolean;
}

/**
 * Fetches images by URL, from the hosts allowed and from public addresses only. The address is judged where
 * the connection is made, so that no name can mean one host when it is checked and another when it is used,
 * and every redirect is judged anew. Nothing an upstream says, and no address, reaches a message.
 */
export class ImageUrls implements RemoteImages {
  readonly #options: Required<ImageUrlOptions>;

  constructor(options: ImageUrlOptions) {
    this.#options = { allows: isPublicAddress, ...options };
  }

  async read<T>(
    url: string,
    receive: (body: Readable) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const deadline = AbortSignal.timeout(this.#options.timeoutMs);
    const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      const body = await this.#follow(url, stop);
      try {
        return await receive(body);
      } finally {
        body.destroy();
      }
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      if (cause instanceof SamError) throw cause;
      throw new SamError('source-unavailable', 'the image could not be fetched', { cause });
    }
  }

  async #follow(start: string, signal: AbortSignal): Promise<IncomingMessage> {
    let from: URL | undefined;
    let to = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const url = this.#check(to, from);
      const response = await this.#get(url, signal);
      const { statusCode = 0, headers } = response;
      if (statusCode === 200 && (headers['content-encoding'] ?? 'identity') === 'identity') {
        return response;
      }
      response.destroy();
      if (!REDIRECTS.has(statusCode) || !headers.location) throw new Error(`status ${statusCode}`);
      from = url;
      to = headers.location;
    }
    throw new Error('too many redirects');
  }

  /** @throws SamError `source-not-allowed` */
  #check(text: string, from: URL | undefined): URL {
    if (!URL.canParse(text, from?.href)) throw notAllowed();
    const url = new URL(text, from);
    const { protocol, username, password } = url;
    const web = protocol === 'https:' || (protocol === 'http:' && from?.protocol !== 'https:');
    if (!web || username || password || !this.#options.hosts.has(url)) throw notAllowed();
    // A literal address is never looked up.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) && !this.#options.allows(host)) throw notAllowed();
    return url;
  }

  #get(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const { request } = url.protocol === 'https:' ? https : http;
    const { allows } = this.#options;
    return new Promise((resolve, reject) => {
      const headers = {
        accept: 'image/*',
        'accept-encoding': 'identity',
        'user-agent': 'sam-split',
      };
      // No connection is kept: none could be judged for one name and used for another.
      const options = { agent: false, lookup: judging(allows), headers, signal, method: 'GET' };
      const outgoing = request(url, options, resolve).on('error', reject);
      outgoing.on('socket', (socket) => {
        // What was looked up has been judged; this is what was connected to.
        socket.once('connect', () => {
          if (!allows(socket.remoteAddress ?? '')) outgoing.destroy(notAllowed());
        });
      });
      outgoing.on('upgrade', (_response, socket) => socket.destroy(new Error('upgraded')));
      outgoing.end();
    });
  }
}

/** The system's name resolution, failing when any of the addresses is not allowed. */
function judging(allows: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) callback(error ?? new Error('no address'), '', 4);
      else if (!addresses.every(({ address }) => allows(address))) callback(notAllowed(), '', 4);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** The same for every reason: what is behind a name is not for a stranger to find out. */
function notAllowed(): SamError {
  return new SamError('source-not-allowed', 'images are not fetched from this URL');
}
