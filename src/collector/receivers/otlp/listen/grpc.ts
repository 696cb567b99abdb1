import type { Server as NetServer, Socket } from 'node:net';
import { limitConnections } from '../../../listen.ts';
import type { TlsIdentity } from '../../../tls/identity.ts';
import { createSocketServer } from '../../../tls/servers.ts';
import type { GrpcCalls, OtlpGrpcOptions } from './grpc-calls.ts';
import { GRPC_CONNECTIONS } from './limits.ts';

interface OtlpGrpcListenerOptions extends OtlpGrpcOptions {
  /** `null`: no TLS. */
  readonly tls: TlsIdentity | null;
  /** Told when gRPC cannot be loaded; the connections that wait for it are ended. */
  readonly failed: (error: unknown) => void;
}

export interface OtlpGrpc {
  /** Does not listen yet. */
  readonly server: NetServer;
  /** Ends what is open, within about a second; `server` is to be closed before. */
  shutdown(): Promise<void>;
}

/**
 * Takes OTLP over gRPC. The connections are accepted here and handed to gRPC, which alone would not bound their number. It is
 * loaded with the first of them: that takes 15 MiB and a tenth of a second, and the senders of most collectors speak HTTP.
 */
export function otlpGrpcServer({ tls, failed, ...options }: OtlpGrpcListenerOptions): OtlpGrpc {
  let loading: Promise<GrpcCalls> | null = null;
  const hand = async (socket: Socket): Promise<void> => {
    try {
      loading ??= import('./grpc-calls.ts').then(({ answerGrpcCalls }) => answerGrpcCalls(options));
      const calls = await loading;
      // What came meanwhile waits in the socket, and gRPC reads it first.
      if (!socket.destroyed) calls.take(socket);
    } catch (error) {
      failed(error);
      socket.destroy();
    }
  };
  // TLS ends here: gRPC's own would read the certificate once and for all.
  const { server, sockets } = createSocketServer(tls, 'h2', (socket) => {
    socket.on('error', ignoreFailure);
    void hand(socket);
  });
  limitConnections(server, GRPC_CONNECTIONS, () =>
    options.statistics.request('unknown', 'connection_dropped'),
  );
  return {
    server,
    shutdown: async () => {
      const calls = await loading?.catch(() => null);
      await calls?.shutdown();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A socket that fails is destroyed and closed by Node. */
function ignoreFailure(): void {}
