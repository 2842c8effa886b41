import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Parts of 16 bits of an IPv6 address that name a network of one subscriber, who has all the addresses in it. */
const NETWORK_PARTS = 4;

/**
 * Whom an address stands for: itself, its /64 where it is of IPv6, or the IPv4 address that it carries.
 * Whatever is no address is one client.
 */
export function clientOf(address: string): string {
  if (isIP(address) === 0) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  const network = (parsed as ipaddr.IPv6).parts.slice(0, NETWORK_PARTS);
  return `${network.map((part) => part.toString(16)).join(':')}::/64`;
}
