import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { encodeMessage, MessageDecoder } from '../../link/framing.ts';
import { noMeetingPlace } from '../../link/rendezvous.ts';
import type { AgentLink } from '../agent-link.ts';

/** An agent that reads nothing must not make us hold its answers for ever. */
const UNREAD_BYTES_MAX = 1024 * 1024;

/** More processes than one machine's dashboard lists, and a bound on what senders that never say who they are can hold. */
const SOCKETS_MAX = 1000;

export interface SocketReceiver {
  shutdown(): Promise<void>;
}

/**
 * Listens for agents of other processes. Call it only once the dashboard's port is ours: whoever holds the port owns the
 * socket named after it, so a file that is there already was left by a dead collector.
 *
 * @throws NervecenterError `NC_SHARING` when no socket can be made there.
 */
export async function listenForAgents(
  path: string,
  onLink: (link: AgentLink) => void,
): Promise<SocketReceiver> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onLink(socketLink(socket));
  });
  server.maxConnections = SOCKETS_MAX;
  try {
    if (process.platform !== 'win32') rmSync(path, { force: true });
    server.listen(path);
    await once(server, 'listening');
  } catch (error) {
    throw noMeetingPlace(path, error);
  }
  return {
    shutdown: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function socketLink(socket: Socket): AgentLink {
  const decoder = new MessageDecoder();
  let listener: (message: unknown) => void = () => {};
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const message of decoder.push(chunk)) {
        if (!socket.destroyed) listener(message);
      }
    } catch {
      socket.destroy(); // Not one of ours.
    }
  });
  return {
    onMessage: (next) => {
      listener = next;
    },
    onClose: (closed) => socket.once('close', closed),
    send: (message) => {
      if (socket.destroyed) return;
      if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy();
      else socket.write(encodeMessage(message));
    },
    close: () => socket.destroy(),
  };
}
