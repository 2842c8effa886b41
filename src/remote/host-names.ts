import { Resolver } from 'node:dns/promises';
import { HostsFile } from './hosts-file.js';

/** What is connected to at most: a name server may list thousands. */
const MOST_ADDRESSES = 16;

/** How long the addresses of one kind are waited for once there are some of the other. */
const GRACE_MS = 300;

export interface HostNameOptions {
  /** Name servers, `address:port`, instead of those of the system. */
  readonly servers?: readonly string[] | undefined;
  readonly hosts?: HostsFile | undefined;
}

/**
 * Addresses by name: those in /etc/hosts, or else what the name servers say. `dns.lookup` would do as much in one
 * of the four threads that files and compression use too, and a silent name server would keep it for a minute. These
 * lookups take no thread and end when they are told to. The price: neither search domains nor the other sources of
 * nsswitch.conf are asked, which have no public names.
 */
export class HostNames {
  readonly #servers: readonly string[] | undefined;
  readonly #hosts: HostsFile;

  constructor({ servers, hosts = new HostsFile() }: HostNameOptions = {}) {
    this.#servers = servers;
    this.#hosts = hosts;
  }

  /**
   * All addresses of a name.
   * @param signal ends the lookup.
   * @throws Error when there are none
   */
  async resolve(hostname: string, signal: AbortSignal): Promise<string[]> {
    const name = hostname.toLowerCase().replace(/\.$/, '');
    const known = this.#hosts.addressesOf(name);
    if (known.length > 0) return [...known];
    signal.throwIfAborted();
    // Its own for each lookup: to cancel is to cancel all that a resolver does.
    const resolver = new Resolver();
    if (this.#servers) resolver.setServers(this.#servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    let grace: NodeJS.Timeout | undefined;
    const hurry = (addresses: string[]) => {
      if (addresses.length > 0) grace ??= setTimeout(cancel, GRACE_MS);
      return addresses;
    };
    try {
      const found = await Promise.allSettled([
        resolver.resolve4(name).then(hurry),
        resolver.resolve6(name).then(hurry),
      ]);
      const addresses = found.flatMap((kind) => (kind.status === 'fulfilled' ? kind.value : []));
      if (addresses.length === 0) throw new Error('no address');
      return addresses.slice(0, MOST_ADDRESSES);
    } finally {
      clearTimeout(grace);
      signal.removeEventListener('abort', cancel);
    }
  }
}
