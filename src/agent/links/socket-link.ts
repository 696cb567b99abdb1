import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { CollectorMessage } from '../../core/frame.ts';
import { encodeMessage, MessageDecoder } from '../../link/framing.ts';
import { untraced } from '../context/app-trace.ts';
import type { LinkEvents, MessageLink } from './link.ts';

/** As Node has it: what instruments the app's sockets later is not to see ours. */
const connectSocket: (this: Socket, path: string) => Socket = Socket.prototype.connect;

/** What may wait for the socket before the collector counts as dead. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;

/** How long to leave the collector to read when the kernel's buffer is full. */
const FULL_BUFFER_PAUSE_MS = 1;

/** Connects to the collector of another process; `null` when none answers at `path`. */
export function connectSocketLink(path: string, events: LinkEvents): Promise<MessageLink | null> {
  return new Promise((resolve) => {
    const socket = new Socket();
    untraced(() => connectSocket.call(socket, path));
    socket.unref();
    socket.once('error', () => {
      socket.destroy();
      resolve(null);
    });
    socket.once('connect', () => resolve(overSocket(socket, events)));
  });
}

function overSocket(socket: Socket, { onMessage, onClose }: LinkEvents): MessageLink {
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
  const outbox = new Outbox(socket);
  return {
    send: (message) => outbox.send(encodeMessage(message)),
    flushSync: (messages, deadlineMs) => {
      outbox.flushSync(messages.map(encodeMessage), deadlineMs);
      return '';
    },
    close: () => socket.destroy(),
  };
}

/**
 * What waits to be written. One write at a time, the rest stays here: of what a socket holds itself nobody could tell, when
 * the process ends, how much of it is still to be written.
 */
class Outbox {
  readonly #socket: Socket;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing: Buffer | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(bytes: Buffer): void {
    if (this.#socket.destroyed) return;
    if (this.#waitingBytes > UNSENT_BYTES_MAX) {
      this.#socket.destroy();
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#writing === null) this.#writeNext();
  }

  /** The collector lives on in another process: it is enough that the bytes are in the kernel's buffer. */
  flushSync(last: readonly Buffer[], deadlineMs: number): void {
    const handle = handleOf(this.#socket);
    if (handle === null) return;
    // What is being written is in the kernel but for this many bytes at its end.
    const unwritten = this.#writing?.subarray(this.#writing.length - handle.writeQueueSize) ?? [];
    const rest = Buffer.concat([Buffer.from(unwritten), ...this.#waiting, ...last]);
    writeAll(handle.fd, rest, performance.now() + deadlineMs);
  }

  #writeNext(): void {
    if (this.#waiting.length === 0) return;
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#writing = bytes;
    this.#socket.write(bytes, () => {
      this.#writing = null;
      this.#writeNext();
    });
  }
}

interface SocketHandle {
  readonly fd: number;
  /** Bytes given to the handle that are not in the kernel yet. */
  readonly writeQueueSize: number;
}

/** The socket's handle on POSIX, where a synchronous write while exiting is possible at all. */
function handleOf(socket: Socket): SocketHandle | null {
  const { _handle: handle } = socket as unknown as { _handle?: Partial<SocketHandle> | null };
  const { fd, writeQueueSize } = handle ?? {};
  return typeof fd === 'number' && fd >= 0 && typeof writeQueueSize === 'number'
    ? { fd, writeQueueSize }
    : null;
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
