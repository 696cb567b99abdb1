import type { IncomingMessage, Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { NervecenterError } from '../../core/errors.ts';
import {
  Audience,
  type Farewell,
  GOING_AWAY,
  HEARTBEAT_MS,
  STREAM_SOCKET_OPTIONS,
  VIEWERS_MAX,
} from '../../core/http/audience.ts';
import { isOriginAdmitted, parseAuthority, printable } from '../../core/http/origin.ts';
import { problemAnswer, toProblem } from '../../core/http/problem.ts';
import { endWithAnswer } from '../../platform/http-answer.ts';
import { NO_FRAME, snapshotFrame } from '../../platform/snapshot-frame.ts';
import { markOwnTraffic } from '../context/own-traffic.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { agentHandle } from './handle.ts';
import { admit, type MountOptions, mountPrefix, pathOf } from './mount.ts';

const STOPPING: Farewell = { code: GOING_AWAY, reason: 'the app stops' };

export interface StreamOptions extends MountOptions {
  /**
   * Origins whose pages may open the stream besides the server's own, such as `https://admin.example.com`. Needed behind a
   * proxy that changes the Host header. @default []
   */
  readonly allowedOrigins?: readonly string[];
}

/**
 * Serves the live stream at `/api/metrics/stream` on the app's own server: a snapshot at once, then one per
 * `NERVECENTER_INTERVAL_MS`, asked for and serialised once for all viewers, at most 1,000. `authorize` is asked when a
 * viewer connects; pages of other origins are refused before. Viewers that lag are disconnected, and `server.close()`
 * disconnects all, so that nobody's screen keeps the app from stopping. Sessions here are not counted as the app's.
 *
 * Other WebSocket servers on the same server see nothing of these upgrades, and all of theirs. Without the agent
 * (`--require nervecenter/otel`) nothing is attached.
 *
 * @example
 * const server = http.createServer(app);
 * attachStream(server, { authorize: (request) => isAdmin(request.headers.cookie) });
 *
 * @returns detaches it again and disconnects its viewers.
 * @throws NervecenterError `NC_CONFIG_INVALID` when there is no `authorize`, or the prefix is no path.
 */
export function attachStream(server: Server | TlsServer, options: StreamOptions): () => void {
  const path = `${mountPrefix(options, 'attachStream')}/stream`;
  if (agentHandle() === undefined) return () => {};
  const stream = new MountedStream(server, options);
  const upgrading = server as unknown as UpgradingServer;
  const isOurs = (request: IncomingMessage) => pathOf(request.url) === path;
  const undos = [
    // Another WebSocket server's listener answers 400 to whatever is not its own: it must not hear of ours.
    replaceMethod(upgrading, 'emit', (emit) => {
      return function (this: UpgradingServer, ...args) {
        const [event, request, socket, head] = args as [string, IncomingMessage, Duplex, Buffer];
        if (event !== 'upgrade' || !isOurs(request)) return Reflect.apply(emit, this, args);
        void stream.accept(request, socket, head);
        return true;
      };
    }),
    replaceMethod(upgrading, 'close', (close) => {
      return function (this: UpgradingServer, ...args) {
        stream.dismiss();
        return Reflect.apply(close, this, args);
      };
    }),
    listenForUpgrades(upgrading, isOurs),
  ];
  return () => {
    for (const undo of undos) undo();
    stream.stop();
  };
}

/** What is used of a server, of either kind. */
interface UpgradingServer {
  emit(...args: unknown[]): boolean;
  close(...args: unknown[]): unknown;
  on(event: 'upgrade', listener: UpgradeListener): unknown;
  off(event: 'upgrade', listener: UpgradeListener): unknown;
  listeners(event: 'upgrade'): unknown[];
  /** Node 22.21, 24.9 and later. */
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
}

type UpgradeListener = (this: UpgradingServer, request: IncomingMessage, socket: Duplex) => void;

/** Node upgrades nothing without a listener; with one, it would upgrade what an app without WebSockets answers as usual. */
function listenForUpgrades(
  server: UpgradingServer,
  isOurs: (request: IncomingMessage) => boolean,
): () => void {
  server.on('upgrade', refuseWhenAlone);
  const undo =
    server.shouldUpgradeCallback === undefined
      ? () => {}
      : replaceMethod(server, 'shouldUpgradeCallback', (decide) => (request) => {
          return isOurs(request) || (hasOtherListeners(server) && decide?.call(server, request) === true);
        });
  return () => {
    undo();
    server.off('upgrade', refuseWhenAlone);
  };
}

/** On a Node that upgrades whatever asks for it: nobody else is there to answer. */
const refuseWhenAlone: UpgradeListener = function (_request, socket) {
  if (hasOtherListeners(this)) return;
  socket.on('error', ignoreFailure);
  endWithAnswer(socket, problemAnswer(new NervecenterError('NC_NOT_FOUND', 'There is no such stream here.')));
};

function hasOtherListeners(server: UpgradingServer): boolean {
  return server.listeners('upgrade').some((listener) => listener !== refuseWhenAlone);
}

class MountedStream {
  readonly #server: Server | TlsServer;
  readonly #options: StreamOptions;
  readonly #counts = { viewersSlow: 0, viewersSkippedTicks: 0, viewersTalkative: 0, viewersSilent: 0 };
  readonly #audience = new Audience<WebSocket, null>(this.#counts);
  #sockets: Promise<WebSocketServer> | null = null;
  /** Being admitted. */
  #arriving = 0;
  #timers: readonly NodeJS.Timeout[] = [];
  /** The latest snapshot, while somebody watches. */
  #frame = NO_FRAME;
  #asking = false;
  #dismissed = false;
  #stopped = false;

  constructor(server: Server | TlsServer, options: StreamOptions) {
    this.#server = server;
    this.#options = options;
  }

  /** Answers an upgrade; never throws and never rejects. */
  async accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // A socket that fails is closed by Node; without a listener its error would end the process.
    socket.on('error', ignoreFailure);
    markOwnTraffic(request);
    this.#arriving++;
    try {
      this.#admitOrigin(request);
      if (this.#audience.size + this.#arriving > VIEWERS_MAX) {
        throw new NervecenterError('NC_UNAVAILABLE', 'No further viewer can be taken on. Try again later.');
      }
      await admit(this.#options, request);
      this.#sockets ??= openSockets();
      const sockets = await this.#sockets;
      if (this.#stopped || (this.#dismissed && !this.#server.listening)) {
        throw new NervecenterError('NC_UNAVAILABLE', 'The stream has ended.');
      }
      sockets.handleUpgrade(request, socket, head, (accepted) => this.#add(accepted, socket));
    } catch (error) {
      endWithAnswer(socket, problemAnswer(toProblem(error)));
    } finally {
      this.#arriving--;
    }
  }

  /** Disconnects everybody, and whoever is just arriving unless the server listens again. */
  dismiss(): void {
    this.#dismissed = true;
    this.#audience.dismiss(STOPPING);
  }

  stop(): void {
    this.#stopped = true;
    this.dismiss();
  }

  /** Browsers send the app's cookies along whichever page opens the connection. */
  #admitOrigin({ headers: { origin, host = '' }, socket }: IncomingMessage): void {
    if (origin === undefined) return;
    const authority = parseAuthority(host);
    const { allowedOrigins = [] } = this.#options;
    const onTls = 'encrypted' in socket;
    if (authority !== null && isOriginAdmitted(origin, { ...authority, onTls }, allowedOrigins)) return;
    throw new NervecenterError(
      'NC_ORIGIN_REFUSED',
      `The origin "${printable(origin)}" is not allowed here. If it is yours, add it to the allowedOrigins of attachStream.`,
    );
  }

  #add(viewer: WebSocket, socket: Duplex): void {
    (socket as Socket).unref?.();
    const arrival = { socket: viewer, connection: socket, who: null };
    this.#audience.add(arrival, this.#frame, () => this.#left());
    this.#start();
    if (this.#frame.length === 0) void this.#tick();
  }

  #start(): void {
    const handle = agentHandle();
    if (this.#timers.length > 0 || handle === undefined) return;
    this.#timers = [
      setInterval(() => void this.#tick(), handle.streamIntervalMs),
      setInterval(() => this.#audience.beat(), HEARTBEAT_MS),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  #left(): void {
    if (this.#audience.size > 0) return;
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    this.#frame = NO_FRAME;
  }

  async #tick(): Promise<void> {
    const handle = agentHandle();
    if (this.#asking || handle === undefined) return;
    this.#asking = true;
    try {
      const frame = snapshotFrame(JSON.stringify(await handle.snapshot()));
      if (this.#audience.size === 0) return;
      this.#frame = frame;
      if (this.#audience.broadcast(frame) > 0) {
        handle.warnOnce('stream', 'viewers of the attached stream do not keep up and skip snapshots');
      }
    } catch {
      // No collector at the moment: viewers keep what they have and notice the silence.
    } finally {
      this.#asking = false;
    }
  }
}

/** Loaded when the first viewer comes: apps without one need not pay for it. */
async function openSockets(): Promise<WebSocketServer> {
  const { WebSocketServer } = await import('ws');
  return new WebSocketServer(STREAM_SOCKET_OPTIONS);
}

function ignoreFailure(): void {}
