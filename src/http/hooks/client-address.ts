import { BlockList, isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** What some proxies put around an address: brackets, and a port after it. */
const DRESSED = /^\[(?<v6>[^\]]*)\](?::\d{1,5})?$|^(?<v4>[^:]*):\d{1,5}$/;

/**
 * Whom a request comes from, as one text for each client: an IPv4 address, or the /64 of an IPv6 address, which is what
 * a subscriber has. What a trusted proxy passes on is believed as far as it is an address; where it is none, the proxy
 * stands for its client.
 */
export function clientAddress({ ip, ips = [ip] }: FastifyRequest): string {
  for (const text of [...ips].reverse()) {
    const address = addressOf(text);
    if (address) return nameOf(address);
  }
  return 'unknown';
}

/** Tells which addresses are of proxies whose word is taken. @param networks addresses, and networks with `/prefix` */
export function trusting(networks: readonly string[]): (address: string) => boolean {
  const trusted = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  return (text) => {
    const address = addressOf(text);
    return address !== undefined && trusted.check(address.toString(), address.kind());
  };
}

/** The address in a text, without port, brackets and zone; IPv4 where it is mapped into IPv6. */
function addressOf(text: string | undefined): Address | undefined {
  const { v4, v6 } = DRESSED.exec(text ?? '')?.groups ?? {};
  const bare = (v6 ?? v4 ?? text ?? '').replace(/%.*$/, '');
  // The parser takes more for an address than is one, such as 1 and 0x7f.1.
  return isIP(bare) ? ipaddr.process(bare) : undefined;
}

function nameOf(address: Address): string {
  if (address instanceof ipaddr.IPv4) return address.toString();
  const network = address.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(':')}::/64`;
}
