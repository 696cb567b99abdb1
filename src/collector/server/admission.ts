import { isIP, isIPv6 } from 'node:net';
import type { Config } from '../../config/config.ts';
import { NervecenterError } from '../../core/errors.ts';
import {
  type Addressee,
  type Authority,
  isOriginAdmitted,
  parseAuthority,
  printable,
} from '../../core/http/origin.ts';

/**
 * The host the request names, if it may name us. A page of another site can have its own name resolve to this machine
 * (DNS rebinding) and would then be same-origin with us, but its name stays in the request: names that cannot be anybody's
 * on the public Internet pass, every other must be declared.
 *
 * @throws NervecenterError `NC_HOST_REFUSED`
 */
export function admitHost(
  host: string | undefined,
  config: Pick<Config, 'host' | 'allowedHosts'>,
): Authority {
  const authority = host === undefined ? null : parseAuthority(host);
  if (authority !== null && isOwnName(authority.name, config)) return authority;
  throw new NervecenterError(
    'NC_HOST_REFUSED',
    host === undefined
      ? 'The request names no host. Send a Host header.'
      : `The host "${printable(host)}" is not allowed. If it is yours, add its name to NERVECENTER_ALLOWED_HOSTS.`,
  );
}

function isOwnName(name: string, { host, allowedHosts }: Pick<Config, 'host' | 'allowedHosts'>): boolean {
  if (name.startsWith('[')) return isIPv6(name.slice(1, -1));
  if (isIP(name) !== 0 || name === 'localhost') return true;
  if (name.endsWith('.localhost') || name.endsWith('.local')) return true;
  return allowedHosts.includes(name) || host.toLowerCase() === name;
}

/** What the origin check looks at. */
export interface OriginRequest {
  readonly origin: string | undefined;
  readonly addressee: Addressee;
  /** The request carries a valid bearer token, which no browser adds by itself. */
  readonly bearer: boolean;
}

/**
 * Refuses what another site's page makes the browser send: WebSocket upgrades and requests that change something carry the
 * browser's cookie whoever asks, and browsers allow cross-origin WebSockets.
 *
 * @throws NervecenterError `NC_ORIGIN_REFUSED`
 */
export function admitOrigin(request: OriginRequest, config: Pick<Config, 'allowedOrigins'>): void {
  const { origin, addressee, bearer } = request;
  if (origin === undefined) {
    if (bearer) return;
    throw new NervecenterError(
      'NC_ORIGIN_REFUSED',
      'The request has no Origin header. Clients other than browsers authenticate with "Authorization: Bearer <token>".',
    );
  }
  if (isOriginAdmitted(origin, addressee, config.allowedOrigins)) return;
  throw new NervecenterError(
    'NC_ORIGIN_REFUSED',
    `The origin "${printable(origin)}" is not allowed here. If the dashboard is reached through it (behind a proxy, say), add it to NERVECENTER_ALLOWED_ORIGINS.`,
  );
}
