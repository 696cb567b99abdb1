/** Host and port a request was addressed to; `name` in lower case, IPv6 in brackets, without a trailing dot. */
export interface Authority {
  readonly name: string;
  /** `null`: the scheme's default, which the server cannot know behind a proxy that ends TLS. */
  readonly port: string | null;
}

/** `null` when the text is not `host` or `host:port`. */
export function parseAuthority(text: string): Authority | null {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:[\]@/\\?#]+)(?::(\d{1,5}))?$/i.exec(text);
  if (match?.[1] === undefined) return null;
  return { name: withoutDot(match[1].toLowerCase()), port: match[2] ?? null };
}

/** Whether a browser's page of this origin may use a server at `authority`: its own pages, and those of `allowed`. */
export function isOriginAdmitted(origin: string, authority: Authority, allowed: readonly string[]): boolean {
  const parsed = parseOrigin(origin);
  return parsed !== null && (isSameHost(parsed, authority) || allowed.includes(parsed.origin));
}

/** Only `scheme://host[:port]` is an origin; `null` and anything with a path or a user in it is not. */
function parseOrigin(origin: string): URL | null {
  if (!/^https?:\/\/[^/?#@\\\s]+$/i.test(origin) || !URL.canParse(origin)) return null;
  return new URL(origin);
}

/** The scheme may differ, because a proxy in front may end TLS; hence also a default port equals none. */
function isSameHost(origin: URL, authority: Authority): boolean {
  const defaultPort = origin.protocol === 'https:' ? '443' : '80';
  const originPort = origin.port === '' ? defaultPort : origin.port;
  return withoutDot(origin.hostname) === authority.name && originPort === (authority.port ?? defaultPort);
}

function withoutDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** A received value as it may be shown and logged: short, on one line, without control characters. */
export function printable(value: string): string {
  const clean = value.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  return clean.length > 80 ? `${clean.slice(0, 77)}...` : clean;
}
