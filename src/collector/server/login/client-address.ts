import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

/** Proxies one behind the other that are looked at. */
const HOPS_MAX = 20;
const MAPPED = /^::ffff:(?<v4>\d+\.\d+\.\d+\.\d+)$/i;
/** An address with a port, as some proxies write it: `192.0.2.1:4711`, `[2001:db8::1]`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:(?<v4>[\d.]+)(?::\d{1,5})?|\[(?<v6>[0-9a-f:.]+)\](?::\d{1,5})?)$/i;
/** RFC 7239, section 4: a token or a quoted string. */
const PAIR =
  /^[ \t]*(?<name>[!#$%&'*+.^_`|~\w-]+)=(?:(?<token>[!#$%&'*+.^_`|~\w-]+)|"(?<quoted>(?:[^"\\]|\\.)*)")[ \t]*/;

/** Who sent a request, seen through the proxies in front that are trusted to say so. */
export class ClientAddresses {
  readonly #trusted = new BlockList();
  readonly #isAlone: boolean;

  /** @param proxies addresses and networks such as `10.0.0.0/8`. */
  constructor(proxies: readonly string[]) {
    this.#isAlone = proxies.length === 0;
    for (const proxy of proxies) {
      const [address = '', bits] = proxy.split('/');
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
  }

  /**
   * The last hop that is no trusted proxy: whoever is before it could have written anything. Where what a proxy says cannot
   * be read, or its two headers disagree, it is the proxy that counts.
   */
  of({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): string {
    const peer = plain(socket.remoteAddress ?? '');
    if (this.#isAlone || !this.#trusts(peer)) return peer;
    const listed = headers['x-forwarded-for'];
    const said = [
      ...(typeof listed === 'string' ? [listedHops(listed)] : []),
      ...(headers['forwarded'] === undefined ? [] : [forwardedHops(headers['forwarded'])]),
    ].map((hops) => this.#lastUntrusted(hops, peer));
    const [first = peer, second = first] = said;
    return first === second ? first : peer;
  }

  #lastUntrusted(hops: readonly (string | null)[] | null, peer: string): string {
    if (hops === null) return peer;
    let last = peer;
    for (const hop of hops.slice(-HOPS_MAX).reverse()) {
      if (hop === null) return last;
      last = hop;
      if (!this.#trusts(hop)) return last;
    }
    return last;
  }

  #trusts(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** The addresses of `X-Forwarded-For`; `null` for what is none. */
function listedHops(header: string): (string | null)[] {
  return header.split(',').map((hop) => addressIn(hop.trim()));
}

/** The addresses of `Forwarded`; `null` in place of one that is hidden, or of everything where it cannot be read. */
function forwardedHops(header: string): (string | null)[] | null {
  const hops: (string | null)[] = [];
  let rest = header;
  for (;;) {
    const element = elementAt(rest);
    if (element === null) return null;
    hops.push(element.from);
    if (element.rest === '') return hops;
    rest = element.rest.slice(1);
  }
}

/** One element of the list, up to its comma or the end. */
function elementAt(text: string): { readonly from: string | null; readonly rest: string } | null {
  let rest = text;
  let from: string | null | undefined;
  for (;;) {
    const pair = PAIR.exec(rest);
    if (pair?.groups === undefined) return null;
    const { name = '', token, quoted } = pair.groups;
    if (name.toLowerCase() === 'for') {
      if (from !== undefined) return null;
      from = addressIn(token ?? quoted?.replace(/\\(.)/g, '$1') ?? '');
    }
    rest = rest.slice(pair[0].length);
    if (rest === '' || rest.startsWith(',')) return { from: from ?? null, rest };
    if (!rest.startsWith(';')) return null;
    rest = rest.slice(1);
  }
}

function addressIn(text: string): string | null {
  if (isIP(text) !== 0) return plain(text);
  const { v4, v6 } = WITH_PORT.exec(text)?.groups ?? {};
  const address = v4 ?? v6 ?? '';
  return isIP(address) === 0 ? null : plain(address);
}

function plain(address: string): string {
  return MAPPED.exec(address)?.groups?.['v4'] ?? address.toLowerCase();
}
