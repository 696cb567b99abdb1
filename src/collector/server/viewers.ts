import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { EVERYBODY, filterKey, isEverybody, type SenderFilter } from '../../core/history/sender-filter.ts';
import {
  Audience,
  type Farewell,
  GOING_AWAY,
  HEARTBEAT_MS,
  POLICY_VIOLATION,
  SERVICE_RESTART,
  STREAM_SOCKET_OPTIONS,
} from '../../core/http/audience.ts';
import { NO_FRAME, snapshotFrame } from '../../platform/snapshot-frame.ts';
import { Condition } from '../condition.ts';
import type { Log } from '../log.ts';
import type { Identity } from './login/authenticator.ts';
import type { Renewal } from './login/session-cookies.ts';
import type { Session, Sessions } from './login/sessions.ts';
import type { ServerStatistics } from './statistics.ts';

const STOPPING: Farewell = { code: GOING_AWAY, reason: 'the collector stops' };
const LOGGED_OUT: Farewell = { code: POLICY_VIOLATION, reason: 'logged out' };
const REVOKED: Farewell = { code: POLICY_VIOLATION, reason: 'the token was revoked' };
const SESSION_ENDED: Farewell = { code: POLICY_VIOLATION, reason: 'the session has ended' };
const COOKIE_AGED: Farewell = { code: SERVICE_RESTART, reason: 'connect again for a new cookie' };

export interface ViewersOptions {
  readonly sessions: Sessions;
  readonly statistics: ServerStatistics;
  /** The last tick's snapshot of some senders as JSON; empty before the first tick. */
  readonly latestSnapshotJson: (filter: SenderFilter) => string;
  readonly log: Log;
  /** @default 30 s */
  readonly heartbeatMs?: number;
}

/** An admitted request for the stream. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly identity: Identity;
  /** What the browser's cookie becomes. */
  readonly renewal: Renewal | null;
  /** Whose figures it is to see. */
  readonly filter: SenderFilter;
}

interface Viewer {
  /** The browser session it came with; `null` for a client with the token itself. */
  readonly session: Session | null;
  /** Of the named token that lets it in; `null`: an admin token does. */
  readonly tokenId: string | null;
  readonly watched: Watched;
}

/** What some viewers share: a filter and the frame of its latest snapshot. */
interface Watched {
  readonly filter: SenderFilter;
  viewers: number;
  json: string;
  frame: Buffer;
}

/** Distinct filters at once: each costs a snapshot and its serialisation at every tick. */
const FILTERS_MAX = 20;

/** The stream's viewers and the frames they share. */
export class Viewers {
  readonly #options: ViewersOptions;
  readonly #sockets = new WebSocketServer(STREAM_SOCKET_OPTIONS);
  readonly #audience: Audience<WebSocket, Viewer>;
  readonly #renewals = new WeakMap<IncomingMessage, Renewal>();
  readonly #slow: Condition;
  readonly #unready: Condition;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #everybody: Watched = newlyWatched(EVERYBODY);
  /** By filter, while somebody watches. */
  readonly #filtered = new Map<string, Watched>();

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
      () => this.#audience.beat((who) => this.#farewell(who)),
      options.heartbeatMs ?? HEARTBEAT_MS,
    );
    this.#heartbeat.unref();
  }

  get count(): number {
    return this.#audience.size;
  }

  /** Whether a viewer with this filter would not be one filter too many. */
  hasRoomFor(filter: SenderFilter): boolean {
    return isEverybody(filter) || this.#filtered.has(filterKey(filter)) || this.#filtered.size < FILTERS_MAX;
  }

  /** Completes the upgrade of an admitted request and sends the latest snapshot at once. */
  accept({ request, socket, head, identity, renewal, filter }: Upgrade): void {
    if (renewal !== null) this.#renewals.set(request, renewal);
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      const watched = this.#watch(filter);
      const session = identity.kind === 'session' ? (renewal?.session ?? identity.session) : null;
      const tokenId = identity.kind === 'session' ? identity.session.tokenId : identity.tokenId;
      const who = { session, tokenId, watched };
      const arrival = { socket: accepted, connection: socket, who };
      this.#audience.add(arrival, this.#latestFrame(watched), () => this.#left(watched));
    });
  }

  /** @param snapshotJson of all senders; those of some are asked for, once each. */
  broadcast(snapshotJson: string): void {
    let slow = this.#send(this.#everybody, frameOf(this.#everybody, snapshotJson));
    for (const watched of this.#filtered.values()) slow += this.#send(watched, this.#latestFrame(watched));
    if (slow > 0) this.#slow.begin(`${slow} of the viewers do not keep up and skip snapshots`);
    else this.#slow.end('every viewer keeps up again');
  }

  /** Ends what was begun with a session or a token that is no more, whichever of its cookies it came with. */
  closeEnded(): void {
    for (const farewell of [REVOKED, LOGGED_OUT])
      this.#audience.dismiss(farewell, (who) => this.#farewell(who) === farewell);
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

  #farewell({ session, tokenId }: Viewer): Farewell | null {
    const { sessions } = this.#options;
    if (sessions.roleOf({ tokenId }) === null) return REVOKED;
    if (session === null) return null;
    if (sessions.isLoggedOut(session)) return LOGGED_OUT;
    if (sessions.isOver(session)) return SESSION_ENDED;
    // A screen on the wall sends no requests: connecting again is how its cookie stays young enough for a restart.
    return sessions.outlivesCookie(session) ? COOKIE_AGED : null;
  }

  #watch(filter: SenderFilter): Watched {
    const key = filterKey(filter);
    const watched = key === '' ? this.#everybody : (this.#filtered.get(key) ?? newlyWatched(filter));
    if (key !== '') this.#filtered.set(key, watched);
    watched.viewers++;
    return watched;
  }

  #left(watched: Watched): void {
    watched.viewers--;
    if (watched.viewers === 0) this.#filtered.delete(filterKey(watched.filter));
  }

  /** Returns how many did not keep up. */
  #send(to: Watched, frame: Buffer): number {
    return frame.length === 0 ? 0 : this.#audience.broadcast(frame, ({ watched }) => watched === to);
  }

  #latestFrame(watched: Watched): Buffer {
    try {
      const json = this.#options.latestSnapshotJson(watched.filter);
      this.#unready.end('snapshots are available again');
      return json === '' ? NO_FRAME : frameOf(watched, json);
    } catch (error) {
      this.#unready.begin(`no snapshot for a viewer: ${String(error)}`);
      return NO_FRAME;
    }
  }
}

function newlyWatched(filter: SenderFilter): Watched {
  return { filter, viewers: 0, json: '', frame: NO_FRAME };
}

/** One frame per snapshot, shared by all its viewers, those included that connect before the next tick. */
function frameOf(watched: Watched, json: string): Buffer {
  if (watched.json !== json) {
    watched.json = json;
    watched.frame = snapshotFrame(json);
  }
  return watched.frame;
}
