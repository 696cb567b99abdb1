import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { KIB, SECOND_MS } from '../../core/units.ts';
import type { Log } from '../log.ts';
import { Condition } from './condition.ts';
import type { SessionKey, Sessions } from './sessions.ts';
import type { ServerStatistics } from './statistics.ts';

/** Viewers at once; the next one is refused with 503. */
export const VIEWERS_MAX = 1000;
const HEARTBEAT_MS = 30 * SECOND_MS;
/** A viewer that has more than this still to take gets no further snapshot until it has caught up. */
const BUFFERED_BYTES_MAX = 64 * KIB;
/** Ticks in a row a viewer may miss before it is disconnected. */
export const SKIPPED_TICKS_MAX = 3;
/** Frames a viewer may send between two heartbeats, pings included: it has nothing to say to us. */
const INBOUND_FRAMES_MAX = 32;
/** How long a closing handshake may take before the connection is cut. */
const CLOSE_TIMEOUT_MS = SECOND_MS;

/** Close codes of RFC 6455. */
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;

const SOCKET_OPTIONS = {
  noServer: true,
  clientTracking: false,
  // Compressing for every viewer would cost more than one serialisation for all of them saves.
  perMessageDeflate: false,
  maxPayload: KIB,
  maxFragments: 8,
  maxBufferedChunks: 64,
  closeTimeout: CLOSE_TIMEOUT_MS,
};

interface Viewer {
  readonly socket: WebSocket;
  /** The browser session it came with; `null` for a client with the token itself. */
  readonly session: SessionKey | null;
  alive: boolean;
  skippedTicks: number;
  inboundFrames: number;
}

export interface ViewersOptions {
  readonly sessions: Sessions;
  readonly statistics: ServerStatistics;
  /** The last tick's snapshot as JSON; empty before the first tick. */
  readonly latestSnapshotJson: () => string;
  readonly log: Log;
  /** @default 30 s */
  readonly heartbeatMs?: number;
}

/**
 * Whoever watches the stream. A snapshot is state, not a log: it is framed once for all, a viewer that lags skips to a
 * newer one, and one that lags on is disconnected, so that no viewer can cost memory or another viewer's time.
 */
export class Viewers {
  readonly #options: ViewersOptions;
  readonly #sockets = new WebSocketServer(SOCKET_OPTIONS);
  readonly #viewers = new Set<Viewer>();
  readonly #slow: Condition;
  readonly #unready: Condition;
  readonly #heartbeat: NodeJS.Timeout;
  #latest: { readonly json: string; readonly frame: Buffer } = { json: '', frame: Buffer.alloc(0) };

  constructor(options: ViewersOptions) {
    this.#options = options;
    this.#slow = new Condition(options.log);
    this.#unready = new Condition(options.log);
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs ?? HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  get count(): number {
    return this.#viewers.size;
  }

  /** Completes the upgrade of an admitted request and sends the latest snapshot at once. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, session: SessionKey | null): void {
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => this.#add(accepted, session));
  }

  broadcast(snapshotJson: string): void {
    const frame = this.#frameOf(snapshotJson);
    let slow = 0;
    for (const viewer of this.#viewers) {
      if (viewer.socket.bufferedAmount <= BUFFERED_BYTES_MAX) {
        viewer.skippedTicks = 0;
        viewer.socket.send(frame, { binary: false }, ignoreFailure);
        continue;
      }
      slow++;
      this.#skip(viewer);
    }
    if (slow > 0) this.#slow.begin('stream', `${slow} of the viewers do not keep up and skip snapshots`);
    else this.#slow.end('stream', 'every viewer keeps up again');
  }

  /** Ends what was begun with a session that is no more. */
  closeSession(session: SessionKey): void {
    for (const viewer of this.#viewers) {
      if (viewer.session === session) viewer.socket.close(POLICY_VIOLATION, 'logged out');
    }
  }

  /** Says goodbye to everybody and resolves when all connections are gone. Idempotent. */
  async shutdown(): Promise<void> {
    clearInterval(this.#heartbeat);
    const viewers = [...this.#viewers];
    await Promise.all(
      viewers.map(({ socket }) => {
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.close(GOING_AWAY, 'the collector stops');
        return closed;
      }),
    );
  }

  #add(socket: WebSocket, session: SessionKey | null): void {
    const viewer: Viewer = { socket, session, alive: true, skippedTicks: 0, inboundFrames: 0 };
    this.#viewers.add(viewer);
    const inbound = () => this.#inbound(viewer);
    socket.on('message', inbound);
    socket.on('ping', inbound);
    socket.on('pong', () => {
      viewer.alive = true;
      inbound();
    });
    // `ws` closes the connection itself after an error; without a listener the error would end the process.
    socket.on('error', ignoreFailure);
    socket.on('close', () => this.#viewers.delete(viewer));
    const frame = this.#latestFrame();
    if (frame.length > 0) socket.send(frame, { binary: false }, ignoreFailure);
  }

  #skip(viewer: Viewer): void {
    this.#options.statistics.viewersSkippedTicks++;
    viewer.skippedTicks++;
    if (viewer.skippedTicks < SKIPPED_TICKS_MAX) return;
    this.#options.statistics.viewersSlow++;
    // No closing handshake: it would wait behind what the viewer does not take.
    viewer.socket.terminate();
  }

  #inbound(viewer: Viewer): void {
    viewer.inboundFrames++;
    if (viewer.inboundFrames !== INBOUND_FRAMES_MAX + 1) return;
    this.#options.statistics.viewersTalkative++;
    viewer.socket.close(POLICY_VIOLATION, 'this stream takes no messages');
  }

  #beat(): void {
    for (const viewer of this.#viewers) {
      if (!viewer.alive) {
        this.#options.statistics.viewersSilent++;
        viewer.socket.terminate();
        continue;
      }
      viewer.alive = false;
      viewer.inboundFrames = 0;
      // A screen on the wall sends no requests: its stream keeps its session alive.
      if (viewer.session !== null && !this.#options.sessions.touch(viewer.session)) {
        viewer.socket.close(POLICY_VIOLATION, 'the session has ended');
        continue;
      }
      viewer.socket.ping(undefined, false, ignoreFailure);
    }
  }

  #latestFrame(): Buffer {
    try {
      const json = this.#options.latestSnapshotJson();
      this.#unready.end('stream', 'snapshots are available again');
      return json === '' ? Buffer.alloc(0) : this.#frameOf(json);
    } catch (error) {
      this.#unready.begin('stream', `no snapshot for a new viewer: ${String(error)}`);
      return Buffer.alloc(0);
    }
  }

  /** One buffer per snapshot, shared by all viewers, those included that connect before the next tick. */
  #frameOf(json: string): Buffer {
    if (this.#latest.json !== json) {
      this.#latest = { json, frame: Buffer.from(`{"type":"metrics_snapshot","data":${json}}`) };
    }
    return this.#latest.frame;
  }
}

/** Failed sends need no answer: the socket's `close` event removes the viewer. */
function ignoreFailure(): void {}
