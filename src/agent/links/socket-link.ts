import { writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { CollectorMessage } from '../../core/frame.ts';
import { encodeMessage, MessageDecoder } from '../../link/framing.ts';
import type { CollectorLink, LinkEvents } from './link.ts';

/** What may wait in our socket before the collector counts as dead. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;

/** Connects to the collector of another process; `null` when none answers at `path`. */
export function connectSocketLink(path: string, events: LinkEvents): Promise<CollectorLink | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.unref();
    socket.once('error', () => {
      socket.destroy();
      resolve(null);
    });
    socket.once('connect', () => resolve(overSocket(socket, events)));
  });
}

function overSocket(socket: Socket, { onMessage, onClose }: LinkEvents): CollectorLink {
  const decoder = new MessageDecoder();
  socket.on('error', () => socket.destroy());
  socket.once('close', onClose);
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const message of decoder.push(chunk)) onMessage(message as CollectorMessage);
    } catch {
      socket.destroy(); // Not a collector of ours.
    }
  });
  return {
    send: (message) => {
      if (socket.destroyed) return;
      if (socket.writableLength > UNSENT_BYTES_MAX) socket.destroy();
      else socket.write(encodeMessage(message));
    },
    flushSync: (messages) => {
      // The collector lives on in another process: it is enough that the bytes are in the kernel's buffer.
      const fd = fileDescriptor(socket);
      if (fd !== null && socket.writableLength === 0)
        writeAll(fd, Buffer.concat(messages.map(encodeMessage)));
    },
    close: () => socket.destroy(),
  };
}

/** The socket's descriptor on POSIX, where a synchronous write while exiting is possible at all. */
function fileDescriptor(socket: Socket): number | null {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } | null };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : null;
}

function writeAll(fd: number, bytes: Buffer): void {
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(fd, bytes, written);
  } catch {
    // The kernel's buffer is full: the process is exiting, so the rest is lost.
  }
}
