import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { KIB, MIB } from '../../core/units.ts';
import { encodeMessage, MessageDecoder } from '../../link/framing.ts';
import { noMeetingPlace } from '../../link/rendezvous.ts';
import { ConnectionMemory } from '../../platform/memory/connection-memory.ts';
import type { AgentLink } from '../agent-link.ts';

/** An agent that reads nothing must not make us hold its answers for ever. */
const UNREAD_BYTES_MAX = 1024 * 1024;

/** Who has not been welcomed says who it is, or asks something: neither is long. */
const STRANGER_BYTES_MAX = 64 * KIB;

/** More processes than one machine's dashboard lists, and a bound on what senders that never say who they are can hold. */
const SOCKETS_MAX = 1000;

/**
 * What all links may hold together: messages that have not come to their end, or wait until it is known whether they came
 * before, and answers that nobody takes. An honest one holds some hundred KiB, for moments.
 */
export const LINKS_BYTES_MAX = 64 * MIB;

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
  const memory = new ConnectionMemory(LINKS_BYTES_MAX);
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onLink(socketLink(socket, memory));
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

function socketLink(socket: Socket, memory: ConnectionMemory): AgentLink {
  const decoder = new MessageDecoder();
  let isWelcome = false;
  let waiting = { bytes: 0, drop: () => {} };
  memory.add(socket, {
    bytes: () => waiting.bytes + (socket.destroyed ? 0 : decoder.pendingBytes + socket.writableLength),
    drop: () => {
      waiting.drop();
      socket.destroy();
    },
  });
  let listener: (message: unknown, bytes: number) => void = () => {};
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const { message, bytes } of decoder.pushSized(chunk)) {
        if (!socket.destroyed) listener(message, bytes);
      }
      if (!isWelcome && decoder.pendingBytes > STRANGER_BYTES_MAX) socket.destroy();
      memory.look(socket);
    } catch {
      socket.destroy(); // Not one of ours.
    }
  });
  return {
    onMessage: (next) => {
      listener = next;
    },
    holding: (bytes, drop) => {
      waiting = { bytes, drop };
      memory.look(socket);
    },
    onClose: (closed) => socket.once('close', closed),
    send: (message) => {
      if (socket.destroyed) return;
      isWelcome ||= message.type === 'welcome';
      if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy();
      else socket.write(encodeMessage(message));
      memory.look(socket);
    },
    close: () => socket.destroy(),
  };
}
