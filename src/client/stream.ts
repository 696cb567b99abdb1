import { backoffMs } from '../core/backoff.ts';
import type { Environment, SocketLike } from './environment.ts';

/** A socket still not open after this long is given up; browsers themselves wait minutes. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Fully random, so that a hundred wall screens do not come back in the same instant. */
const RECONNECT = { firstMs: 1000, ceilingMs: 30_000, jitter: 1 };

export interface StreamListener {
  connecting(): void;
  opened(): void;
  received(data: unknown): void;
  /** The connection was lost or could not be made; the next attempt is at `nextAttemptAt` (milliseconds since 1970). */
  lost(reason: string, nextAttemptAt: number): void;
  /** Nothing came within what was expected; `lost` follows. */
  silent(): void;
}

/** One WebSocket kept open for ever: made again after every loss, with backoff, until it is stopped. */
export interface Stream {
  /** Connects now, also when it would otherwise wait for its next attempt. */
  start(): void;
  stop(): void;
  /** The connection counts as lost when neither this nor `alive` is called again within `silenceMs`. */
  expect(silenceMs: number): void;
  /** The connection has proved itself: the backoff starts anew, and `expect` holds. */
  alive(silenceMs: number): void;
}

export function createStream(environment: Environment, listener: StreamListener): Stream {
  const { timers } = environment;
  let socket: SocketLike | null = null;
  let retryTimer: unknown = null;
  let watchTimer: unknown = null;
  let failures = 0;

  function watch(delayMs: number, expired: () => void): void {
    timers.clear(watchTimer);
    watchTimer = timers.set(expired, delayMs);
  }

  function drop(): void {
    timers.clear(retryTimer);
    timers.clear(watchTimer);
    retryTimer = null;
    if (socket !== null) discard(socket);
    socket = null;
  }

  function lose(reason: string): void {
    drop();
    const delayMs = Math.floor(backoffMs(++failures, environment.random(), RECONNECT));
    retryTimer = timers.set(open, delayMs);
    listener.lost(reason, environment.now() + delayMs);
  }

  function open(): void {
    drop();
    listener.connecting();
    try {
      socket = environment.createSocket(environment.streamUrl());
    } catch (error) {
      lose(error instanceof Error ? error.message : 'The connection could not be made');
      return;
    }
    watch(CONNECT_TIMEOUT_MS, () => lose('The collector did not answer'));
    socket.onopen = () => listener.opened();
    socket.onmessage = (event) => listener.received(event.data);
    // An error event carries no reason, and a close event always follows it.
    socket.onclose = () => lose('The connection was lost');
  }

  function expect(silenceMs: number): void {
    watch(silenceMs, () => {
      listener.silent();
      lose('The connection went silent');
    });
  }

  return {
    start() {
      if (socket === null) open();
    },
    stop() {
      drop();
      failures = 0;
    },
    expect,
    alive(silenceMs) {
      // Not on open: a server that accepts and closes at once would otherwise be asked again every second.
      failures = 0;
      expect(silenceMs);
    },
  };
}

/** A dropped socket must not speak any more: its close event comes when the next one may already be open. */
function discard(socket: SocketLike): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onerror = null;
  socket.onclose = null;
  socket.close();
}
