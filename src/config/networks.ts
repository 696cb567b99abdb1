import { isIPv4, isIPv6 } from 'node:net';

const BITS = /^\d{1,3}$/;

/**
 * Addresses, and networks in CIDR notation.
 *
 * @returns as they came, or the first that is none.
 */
export function parseNetworks(items: readonly string[]): readonly string[] | string {
  return items.find((item) => !isNetwork(item)) ?? items;
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  if (rest.length > 0 || address.includes('%')) return false;
  const bitsMax = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return bitsMax !== -1 && (bits === undefined || (BITS.test(bits) && Number(bits) <= bitsMax));
}
