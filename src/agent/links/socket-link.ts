import { writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { CollectorMessage } from '../../core/frame.ts';
import { encodeMessage, MessageDecoder } from '../../link/framing.ts';
import type { CollectorLink, LinkEvents } from './link.ts';

/** What may wait in our socket before the collector counts as dead. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;

/** How long to leave the collector to read when the kernel's buffer is full. */
const FULL_BUFFER_PAUSE_MS = 1;

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
  socket.once('close', () => onClose());
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
    flushSync: (messages, deadlineMs) => {
      // The collector lives on in another process: it is enough that the bytes are in the kernel's buffer.
      const fd = fileDescriptor(socket);
      if (fd !== null && socket.writableLength === 0)
        writeAll(fd, Buffer.concat(messages.map(encodeMessage)), performance.now() + deadlineMs);
    },
    close: () => socket.destroy(),
  };
}

/** The socket's descriptor on POSIX, where a synchronous write while exiting is possible at all. */
function fileDescriptor(socket: Socket): number | null {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } | null };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : null;
}

/** Writes while the collector reads: the kernel's buffer holds far less than a full queue. */
function writeAll(fd: number, bytes: Buffer, endsAtMs: number): void {
  const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  for (let written = 0; written < bytes.length && performance.now() < endsAtMs; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return; // The collector is gone, and so is the rest.
      Atomics.wait(never, 0, 0, FULL_BUFFER_PAUSE_MS);
    }
  }
}
