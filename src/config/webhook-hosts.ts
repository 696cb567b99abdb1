import { isIP } from 'node:net';

/** A host or a network to which messages of alerts may go although its addresses are none of the Internet. */
export interface WebhookHost {
  /** A name in lower case and without a dot at its end, or an address. */
  readonly host: string;
  /** How many leading bits of the address count; `null`: it is a name. */
  readonly prefix: number | null;
  /** `null`: any. */
  readonly port: number | null;
}

const PREFIX_MAX: Readonly<Record<number, number>> = { 4: 32, 6: 128 };
const PORT_MAX = 65_535;
const NETWORK = /^(?<address>[0-9a-f.:]+)\/(?<prefix>\d{1,3})$/i;
const HOST_AND_PORT = /^(?<host>\[[0-9a-f.:]+\]|[^\s:/?#@*[\]\\]+)(?::(?<port>\d{1,5}))?$/i;

/** Reads the items of the setting; a text is the item that cannot be read. */
export function parseWebhookHosts(items: readonly string[]): WebhookHost[] | string {
  const hosts: WebhookHost[] = [];
  for (const item of items) {
    const host = networkIn(item) ?? hostIn(item);
    if (host === null) return item;
    hosts.push(host);
  }
  return hosts;
}

function networkIn(item: string): WebhookHost | null {
  const { address = item, prefix } = NETWORK.exec(item)?.groups ?? {};
  const bitsMax = PREFIX_MAX[isIP(address)] ?? -1;
  const bits = prefix === undefined ? bitsMax : Number(prefix);
  return bits >= 0 && bits <= bitsMax ? { host: address.toLowerCase(), prefix: bits, port: null } : null;
}

/** As the address of a webhook is read, so that both come to the same: letters become small, `127.1` is an address. */
function hostIn(item: string): WebhookHost | null {
  const { host = '', port } = HOST_AND_PORT.exec(item)?.groups ?? {};
  const number = port === undefined ? null : Number(port);
  if (host === '' || number === 0 || (number ?? 0) > PORT_MAX || !URL.canParse(`http://${host}`)) return null;
  const name = hostOf(new URL(`http://${host}`));
  return { host: name, prefix: PREFIX_MAX[isIP(name)] ?? null, port: number };
}

/** The host of a URL, without brackets and without a dot at its end. */
export function hostOf({ hostname }: Pick<URL, 'hostname'>): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** As it is written in the setting. */
export function webhookHostText({ host, prefix, port }: WebhookHost): string {
  const whole = prefix === null || prefix === PREFIX_MAX[isIP(host)];
  const text = whole ? host : `${host}/${prefix}`;
  if (port === null) return text;
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
