import { KIB, SECOND_MS } from '../units.ts';

/** Viewers of one stream at once; the next one is refused with 503. */
export const VIEWERS_MAX = 1000;
export const HEARTBEAT_MS = 30 * SECOND_MS;
/** Ticks in a row a viewer may miss before it is disconnected. */
export const SKIPPED_TICKS_MAX = 3;
/** A viewer that has more than this still to take gets no further snapshot until it has caught up. */
const BUFFERED_BYTES_MAX = 64 * KIB;
/** Frames a viewer may send between two heartbeats, pings included: it has nothing to say to us. */
const INBOUND_FRAMES_MAX = 32;

/** Close codes of RFC 6455. */
export const GOING_AWAY = 1001;
export const POLICY_VIOLATION = 1008;
export const SERVICE_RESTART = 1012;

/** How a stream's `WebSocketServer` is set up. */
export const STREAM_SOCKET_OPTIONS = {
  noServer: true,
  clientTracking: false,
  // Compressing for every viewer would cost more than one serialisation for all of them saves.
  perMessageDeflate: false,
  maxPayload: KIB,
  maxFragments: 8,
  maxBufferedChunks: 64,
  /** How long a closing handshake may take before the connection is cut. */
  closeTimeout: SECOND_MS,
};

/** Of a WebSocket that takes messages and has said no goodbye. */
const OPEN = 1;

/** What a stream needs of a WebSocket: the `ws` package's is one. */
export interface ViewerSocket {
  readonly readyState: number;
  ping(data: undefined, mask: boolean, done: () => void): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'message' | 'ping' | 'pong' | 'error' | 'close', listener: () => void): unknown;
}

/** What is below a WebSocket: Node's connections are it, encrypted or not. */
export interface ViewerConnection {
  readonly writableLength: number;
  write(frame: Uint8Array): unknown;
}

/** What became of viewers that did not do their part. */
export interface AudienceCounts {
  viewersSlow: number;
  viewersSkippedTicks: number;
  viewersTalkative: number;
  viewersSilent: number;
}

/** Why a viewer has to go. */
export interface Farewell {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket whose messages are whole and never compressed, so that between two of them a frame fits in. */
interface Arrival<S, W> {
  readonly socket: S;
  readonly connection: ViewerConnection;
  readonly who: W;
}

interface Viewer<S, W> extends Arrival<S, W> {
  alive: boolean;
  skippedTicks: number;
  inboundFrames: number;
}

/**
 * Whoever watches a stream. A snapshot is state, not a log: it is framed once for all, a viewer that lags skips to a newer
 * one, and one that lags on is disconnected, so that no viewer can cost memory or another viewer's time.
 *
 * `W` is what is known about a viewer.
 */
export class Audience<S extends ViewerSocket, W> {
  readonly #viewers = new Set<Viewer<S, W>>();
  readonly #counts: AudienceCounts;

  constructor(counts: AudienceCounts) {
    this.#counts = counts;
  }

  get size(): number {
    return this.#viewers.size;
  }

  get sockets(): S[] {
    return Array.from(this.#viewers, ({ socket }) => socket);
  }

  /** Takes an open socket on, until it closes, and sends it a frame unless that is empty. `left` is called when it closes. */
  add(arrival: Arrival<S, W>, frame: Uint8Array, left: () => void = ignore): void {
    const viewer: Viewer<S, W> = { ...arrival, alive: true, skippedTicks: 0, inboundFrames: 0 };
    const { socket } = viewer;
    this.#viewers.add(viewer);
    const inbound = () => this.#inbound(viewer);
    socket.on('message', inbound);
    socket.on('ping', inbound);
    socket.on('pong', () => {
      viewer.alive = true;
      inbound();
    });
    // `ws` closes the connection itself after an error; without a listener the error would end the process.
    socket.on('error', ignore);
    socket.on('close', () => {
      this.#viewers.delete(viewer);
      left();
    });
    if (frame.length > 0) send(viewer, frame);
  }

  /** Sends a frame to every viewer of whom `matches` is true and that keeps up; returns how many did not. */
  broadcast(frame: Uint8Array, matches: (who: W) => boolean = everybody): number {
    let slow = 0;
    for (const viewer of this.#viewers) {
      if (!matches(viewer.who)) continue;
      if (viewer.connection.writableLength <= BUFFERED_BYTES_MAX) {
        viewer.skippedTicks = 0;
        send(viewer, frame);
        continue;
      }
      slow++;
      this.#skip(viewer);
    }
    return slow;
  }

  /** To be called every `HEARTBEAT_MS`: ends the dead, and whoever `farewell` gives a reason for. */
  beat(farewell: (who: W) => Farewell | null = stay): void {
    for (const viewer of this.#viewers) {
      if (!viewer.alive) {
        this.#counts.viewersSilent++;
        viewer.socket.terminate();
        continue;
      }
      viewer.alive = false;
      viewer.inboundFrames = 0;
      const reason = farewell(viewer.who);
      if (reason === null) viewer.socket.ping(undefined, false, ignore);
      else viewer.socket.close(reason.code, reason.reason);
    }
  }

  /** Ends the viewers of whom `matches` is true. */
  dismiss({ code, reason }: Farewell, matches: (who: W) => boolean = everybody): void {
    for (const { socket, who } of this.#viewers) {
      if (matches(who)) socket.close(code, reason);
    }
  }

  #skip(viewer: Viewer<S, W>): void {
    this.#counts.viewersSkippedTicks++;
    viewer.skippedTicks++;
    if (viewer.skippedTicks < SKIPPED_TICKS_MAX) return;
    this.#counts.viewersSlow++;
    // No closing handshake: it would wait behind what the viewer does not take.
    viewer.socket.terminate();
  }

  #inbound(viewer: Viewer<S, W>): void {
    viewer.inboundFrames++;
    if (viewer.inboundFrames !== INBOUND_FRAMES_MAX + 1) return;
    this.#counts.viewersTalkative++;
    viewer.socket.close(POLICY_VIOLATION, 'this stream takes no messages');
  }
}

/**
 * Past the WebSocket, which would make a header and several objects for every viewer. A failed write needs no answer: the
 * socket's `close` event follows.
 */
function send({ socket, connection }: Viewer<ViewerSocket, unknown>, frame: Uint8Array): void {
  if (socket.readyState === OPEN) connection.write(frame);
}

function stay(): null {
  return null;
}

function everybody(): boolean {
  return true;
}

function ignore(): void {}
