import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NervecenterError } from '../../core/errors.ts';

/**
 * Listens and gives the port.
 *
 * @throws NervecenterError `NC_PORT_TAKEN` or `NC_CONFIG_INVALID`, naming what to change.
 */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) => {
      server.off('listening', listening);
      reject(listenFailure(cause, host, port));
    };
    const listening = () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen({ host: withoutBrackets(host), port });
  });
}

/** The address a browser on this machine can use: listening everywhere includes the loopback. */
export function browserUrl(host: string, port: number): string {
  const address = withoutBrackets(host);
  if (address === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (address === '::') return `http://[::1]:${port}`;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function listenFailure(cause: NodeJS.ErrnoException, host: string, port: number): NervecenterError {
  const at = `${host}:${port}`;
  if (cause.code === 'EADDRINUSE') {
    return new NervecenterError(
      'NC_PORT_TAKEN',
      `${at} is taken by another process. Set NERVECENTER_PORT to a free port, or to 0 for any.`,
      { cause },
    );
  }
  if (cause.code === 'EACCES') {
    return new NervecenterError(
      'NC_CONFIG_INVALID',
      `NERVECENTER_PORT: ${at} may not be used by this user. Choose a port from 1024 up.`,
      { cause },
    );
  }
  return new NervecenterError(
    'NC_CONFIG_INVALID',
    `NERVECENTER_HOST: expected an address of this machine, got "${host}" (${cause.code ?? cause.message}). Use 127.0.0.1, or 0.0.0.0 for all addresses.`,
    { cause },
  );
}
