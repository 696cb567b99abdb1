import type { AddressInfo, Server, Socket } from 'node:net';
import type { Config } from '../config/config.ts';
import type { SettingName } from '../config/settings.ts';
import { NervecenterError } from '../core/errors.ts';
import { networkOf } from '../platform/attempt-limiter.ts';

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** The setting that says which port. */
  readonly setting: SettingName;
}

/**
 * Listens and gives the port.
 *
 * @throws NervecenterError `NC_PORT_TAKEN` or `NC_CONFIG_INVALID`, naming what to change.
 */
export function listen(server: Server, address: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) => {
      server.off('listening', listening);
      reject(listenFailure(cause, address));
    };
    const listening = () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen({ host: withoutBrackets(address.host), port: address.port });
  });
}

export interface ConnectionLimits {
  readonly max: number;
  /** From one address, or the /64 of one of IPv6: less, so that it cannot take all the places. */
  readonly ofAddressMax: number;
}

/**
 * Bounds the connections of a server, whatever they carry. One that is too many is closed before a parser or a handshake is
 * made for it.
 *
 * @param onDropped told of each.
 */
export function limitConnections(
  server: Server,
  { max, ofAddressMax }: ConnectionLimits,
  onDropped: () => void,
): void {
  server.maxConnections = max;
  server.on('drop', onDropped);
  const byAddress = new Map<string, number>();
  const listeners = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const address = networkOf(socket.remoteAddress ?? '');
    const open = byAddress.get(address) ?? 0;
    if (open >= ofAddressMax) {
      onDropped();
      socket.destroy();
      return;
    }
    byAddress.set(address, open + 1);
    socket.once('close', () => {
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left === 0) byAddress.delete(address);
      else byAddress.set(address, left);
    });
    for (const listener of listeners) listener.call(server, socket);
  });
}

/** The address a browser on this machine can use: listening everywhere includes the loopback. */
export function browserUrl(host: string, port: number, scheme: 'http' | 'https'): string {
  const address = withoutBrackets(host);
  if (address === '0.0.0.0') return `${scheme}://127.0.0.1:${port}`;
  if (address === '::') return `${scheme}://[::1]:${port}`;
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** Of dashboard, API and stream. */
export function schemeOf({ tls }: Pick<Config, 'tls'>): 'http' | 'https' {
  return tls === null ? 'http' : 'https';
}

/** Of the listeners of OTLP: on the loopback the apps of this machine send to them, over nothing that others hear. */
export function otlpSchemeOf({ host, tls }: Pick<Config, 'host' | 'tls'>): 'http' | 'https' {
  return isLoopback(host) ? 'http' : schemeOf({ tls });
}

/** Whether only this machine reaches what listens there. */
export function isLoopback(host: string): boolean {
  const name = withoutBrackets(host.toLowerCase());
  return name === 'localhost' || name === '::1' || /^127(\.\d+){3}$/.test(name);
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function listenFailure(cause: NodeJS.ErrnoException, address: ListenAddress): NervecenterError {
  const { host, port, setting } = address;
  const at = `${host}:${port}`;
  if (cause.code === 'EADDRINUSE') {
    return new NervecenterError(
      'NC_PORT_TAKEN',
      `${at} is taken by another process. Set ${setting} to a free port, or to 0 for any.`,
      { cause },
    );
  }
  if (cause.code === 'EACCES') {
    return new NervecenterError(
      'NC_CONFIG_INVALID',
      `${setting}: ${at} may not be used by this user. Choose a port from 1024 up.`,
      { cause },
    );
  }
  return new NervecenterError(
    'NC_CONFIG_INVALID',
    `NERVECENTER_HOST: expected an address of this machine, got "${host}" (${cause.code ?? cause.message}). Use 127.0.0.1, or 0.0.0.0 for all addresses.`,
    { cause },
  );
}
