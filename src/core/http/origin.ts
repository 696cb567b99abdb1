/** Host and port a request was addressed to; `name` in lower case, IPv6 in brackets, without a trailing dot. */
export interface Authority {
  readonly name: string;
  /** `null`: the scheme's default, which the server cannot know behind a proxy that ends TLS. */
  readonly port: string | null;
}

/** What a request was addressed to. */
export interface Addressee extends Authority {
  /** Over TLS that we end ourselves: no page that came without it is ours. */
  readonly onTls: boolean;
}

/** `null` when the text is not `host` or `host:port`. */
export function parseAuthority(text: string): Authority | null {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:[\]@/\\?#]+)(?::(\d{1,5}))?$/i.exec(text);
  if (match?.[1] === undefined) return null;
  return { name: withoutDot(match[1].toLowerCase()), port: match[2] ?? null };
}

/** Whether a browser's page of this origin may use a server that is asked so: its own pages, and those of `allowed`. */
export function isOriginAdmitted(origin: string, addressee: Addressee, allowed: readonly string[]): boolean {
  const parsed = parseOrigin(origin);
  return parsed !== null && (isOwn(parsed, addressee) || allowed.includes(parsed.origin));
}

/** Only `scheme://host[:port]` is an origin; `null` and anything with a path or a user in it is not. */
function parseOrigin(origin: string): URL | null {
  if (!/^https?:\/\/[^/?#@\\\s]+$/i.test(origin) || !URL.canParse(origin)) return null;
  return new URL(origin);
}

/** Without TLS of ours the scheme may be either, because a proxy in front may end TLS; hence also a default port equals none. */
function isOwn(origin: URL, { name, port, onTls }: Addressee): boolean {
  if (onTls && origin.protocol !== 'https:') return false;
  const defaultPort = origin.protocol === 'https:' ? '443' : '80';
  const originPort = origin.port === '' ? defaultPort : origin.port;
  return withoutDot(origin.hostname) === name && originPort === (port ?? defaultPort);
}

function withoutDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** A received value as it may be shown and logged: short, on one line, without control characters. */
export function printable(value: string): string {
  const clean = value.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  return clean.length > 80 ? `${clean.slice(0, 77)}...` : clean;
}
