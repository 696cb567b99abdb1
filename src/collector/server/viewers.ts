import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  Audience,
  type Farewell,
  GOING_AWAY,
  HEARTBEAT_MS,
  POLICY_VIOLATION,
  SERVICE_RESTART,
  STREAM_SOCKET_OPTIONS,
  sendFrame,
  snapshotMessage,
} from '../../core/http/audience.ts';
import { Condition } from '../condition.ts';
import type { Log } from '../log.ts';
import type { Renewal } from './login/session-cookies.ts';
import type { Session, Sessions } from './login/sessions.ts';
import type { ServerStatistics } from './statistics.ts';

const STOPPING: Farewell = { code: GOING_AWAY, reason: 'the collector stops' };
const LOGGED_OUT: Farewell = { code: POLICY_VIOLATION, reason: 'logged out' };
const SESSION_ENDED: Farewell = { code: POLICY_VIOLATION, reason: 'the session has ended' };
const COOKIE_AGED: Farewell = { code: SERVICE_RESTART, reason: 'connect again for a new cookie' };

export interface ViewersOptions {
  readonly sessions: Sessions;
  readonly statistics: ServerStatistics;
  /** The last tick's snapshot as JSON; empty before the first tick. */
  readonly latestSnapshotJson: () => string;
  readonly log: Log;
  /** @default 30 s */
  readonly heartbeatMs?: number;
}

/** An admitted request for the stream. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** The browser session it came with; `null` for a client with the token itself. */
  readonly session: Session | null;
  /** What the browser's cookie becomes. */
  readonly renewal: Renewal | null;
}

/** The stream's viewers and the frame they share. */
export class Viewers {
  readonly #options: ViewersOptions;
  readonly #sockets = new WebSocketServer(STREAM_SOCKET_OPTIONS);
  readonly #audience: Audience<WebSocket, Session | null>;
  readonly #renewals = new WeakMap<IncomingMessage, Renewal>();
  readonly #slow: Condition;
  readonly #unready: Condition;
  readonly #heartbeat: NodeJS.Timeout;
  #latest: { readonly json: string; readonly frame: Buffer } = { json: '', frame: Buffer.alloc(0) };

  constructor(options: ViewersOptions) {
    this.#options = options;
    this.#audience = new Audience(options.statistics);
    this.#slow = new Condition(options.log, 'stream');
    this.#unready = new Condition(options.log, 'stream');
    this.#sockets.on('headers', (headers, request) => {
      const renewal = this.#renewals.get(request);
      if (renewal !== undefined) headers.push(`Set-Cookie: ${renewal.setCookie}`);
    });
    this.#heartbeat = setInterval(
      () => this.#audience.beat((session) => this.#farewell(session)),
      options.heartbeatMs ?? HEARTBEAT_MS,
    );
    this.#heartbeat.unref();
  }

  get count(): number {
    return this.#audience.size;
  }

  /** Completes the upgrade of an admitted request and sends the latest snapshot at once. */
  accept({ request, socket, head, session, renewal }: Upgrade): void {
    if (renewal !== null) this.#renewals.set(request, renewal);
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      this.#audience.add(accepted, renewal?.session ?? session);
      const frame = this.#latestFrame();
      if (frame.length > 0) sendFrame(accepted, frame);
    });
  }

  broadcast(snapshotJson: string): void {
    const slow = this.#audience.broadcast(this.#frameOf(snapshotJson));
    if (slow > 0) this.#slow.begin(`${slow} of the viewers do not keep up and skip snapshots`);
    else this.#slow.end('every viewer keeps up again');
  }

  /** Ends what was begun with a session that is no more, whichever of its cookies it came with. */
  closeSession({ id }: Session): void {
    this.#audience.dismiss(LOGGED_OUT, (session) => session?.id === id);
  }

  /** Says goodbye to everybody and resolves when all connections are gone. Idempotent. */
  async shutdown(): Promise<void> {
    clearInterval(this.#heartbeat);
    const closed = this.#audience.sockets.map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    );
    this.#audience.dismiss(STOPPING);
    await Promise.all(closed);
  }

  #farewell(session: Session | null): Farewell | null {
    if (session === null) return null;
    if (this.#options.sessions.isOver(session)) return SESSION_ENDED;
    // A screen on the wall sends no requests: connecting again is how its cookie stays young enough for a restart.
    return this.#options.sessions.outlivesCookie(session) ? COOKIE_AGED : null;
  }

  #latestFrame(): Buffer {
    try {
      const json = this.#options.latestSnapshotJson();
      this.#unready.end('snapshots are available again');
      return json === '' ? Buffer.alloc(0) : this.#frameOf(json);
    } catch (error) {
      this.#unready.begin(`no snapshot for a new viewer: ${String(error)}`);
      return Buffer.alloc(0);
    }
  }

  /** One buffer per snapshot, shared by all viewers, those included that connect before the next tick. */
  #frameOf(json: string): Buffer {
    if (this.#latest.json !== json) this.#latest = { json, frame: Buffer.from(snapshotMessage(json)) };
    return this.#latest.frame;
  }
}
