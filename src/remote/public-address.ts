import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address is a host of the public internet, by the registries of special addresses: not private,
 * loopback, link-local, carrier-grade NAT, multicast, reserved or documentation, nor a form that carries an
 * IPv4 address in it (mapped, NAT64, 6to4, Teredo), behind which any of them may hide.
 */
export function isPublicAddress(address: string): boolean {
  // The library would also take the short forms that nothing resolves to.
  if (!isIP(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_UNICAST);
}
