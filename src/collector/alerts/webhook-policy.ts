import { BlockList, isIP } from 'node:net';
import { hostOf, type WebhookHost } from '../../config/webhook-hosts.ts';

/** What is none of the Internet, by IANA's registries of special addresses, and what clouds answer their machines at. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', // this host
  '10.0.0.0/8', // private
  '100.64.0.0/10', // behind a carrier's NAT; also metadata of Alibaba's cloud
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure, of its virtual machines
  '169.254.0.0/16', // link-local: metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocols; also metadata of Oracle's cloud
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // measurements
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
];
/** Nothing outside of it is given to anybody. */
const GLOBAL_IPV6 = '2000::/3';
/** Within it. */
const SPECIAL_IPV6 = [
  '2001::/23', // protocols, Teredo among them, which carries IPv4 addresses
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which carries IPv4 addresses
  '3fff::/20', // documentation
];
/** Ways to write an IPv4 address as one of IPv6; behind the second a translator turns it back (NAT64). */
const IPV4_IN_IPV6 = ['::ffff:', '64:ff9b::'];
const IPV4_AT_BIT = 96;

const special = listOf(
  [...SPECIAL_IPV4, ...SPECIAL_IPV6].map(networkIn),
  SPECIAL_IPV4.map(networkIn).flatMap(({ host, prefix }) =>
    IPV4_IN_IPV6.map((before) => ({ host: `${before}${host}`, prefix: IPV4_AT_BIT + prefix })),
  ),
);
const global6 = listOf([networkIn(GLOBAL_IPV6)]);
const carryingIpv4 = listOf(
  IPV4_IN_IPV6.map((before) => ({ host: `${before}0.0.0.0`, prefix: IPV4_AT_BIT })),
);

/** Which addresses a message may be sent to: those of the Internet, and those that the operator named. */
export class WebhookPolicy {
  readonly #named: readonly (WebhookHost & { readonly addresses: BlockList | null })[];

  constructor(hosts: readonly WebhookHost[]) {
    this.#named = hosts.map((named) => {
      const { host, prefix } = named;
      return { ...named, addresses: prefix === null ? null : listOf([{ host, prefix }]) };
    });
  }

  /** @param address that the host of the URL has, as the resolver says it. */
  admits(url: URL, address: string): boolean {
    const [plain = ''] = address.split('%'); // Without the zone of a link-local one.
    if (isIP(plain) === 0) return false;
    return isOfInternet(plain) || this.#isNamed(url, plain);
  }

  #isNamed(url: URL, address: string): boolean {
    const port = Number(url.port || DEFAULT_PORTS[url.protocol]);
    return this.#named.some((named) => {
      if (named.port !== null && named.port !== port) return false;
      return named.addresses?.check(address, familyOf(address)) ?? named.host === hostOf(url);
    });
  }
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

function isOfInternet(address: string): boolean {
  const family = familyOf(address);
  const isGlobal = family === 'ipv4' || global6.check(address, family) || carryingIpv4.check(address, family);
  return isGlobal && !special.check(address, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

interface Network {
  readonly host: string;
  readonly prefix: number;
}

function networkIn(text: string): Network {
  const [host = '', prefix] = text.split('/');
  return { host, prefix: Number(prefix) };
}

function listOf(...networks: readonly (readonly Network[])[]): BlockList {
  const list = new BlockList();
  for (const { host, prefix } of networks.flat()) list.addSubnet(host, prefix, familyOf(host));
  return list;
}
