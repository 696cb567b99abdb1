import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Meter } from '@opentelemetry/api';
import type { Config } from '../../config/config.ts';
import { AccessRegister } from '../../core/access/register.ts';
import { NervecenterError } from '../../core/errors.ts';
import { parseSenderFilter, type SenderFilter } from '../../core/history/sender-filter.ts';
import { VIEWERS_MAX } from '../../core/http/audience.ts';
import { parseAuthority } from '../../core/http/origin.ts';
import { toProblem } from '../../core/http/problem.ts';
import type { Health, Snapshot } from '../../core/snapshot.ts';
import { KIB, SECOND_MS } from '../../core/units.ts';
import { AttemptLimiter } from '../../platform/attempt-limiter.ts';
import { endingPipelines } from '../../platform/http-pipelines.ts';
import { browserUrl, type ConnectionLimits, limitConnections, listen, schemeOf } from '../listen.ts';
import type { Log } from '../log.ts';
import type { MetricFamily } from '../metric-family.ts';
import type { TlsIdentity } from '../tls/identity.ts';
import { createHttpServer } from '../tls/servers.ts';
import type { AlertSources } from './alert-routes.ts';
import { type Assets, loadAssets } from './assets.ts';
import { Gate, parseTarget } from './gate.ts';
import { type HistorySources, parsed } from './history-routes.ts';
import { Authenticator } from './login/authenticator.ts';
import { ClientAddresses } from './login/client-address.ts';
import { Grants } from './login/grants.ts';
import { Login, loginUrl } from './login/login.ts';
import { LoginCodes } from './login/login-codes.ts';
import { SessionCookies } from './login/session-cookies.ts';
import { Sessions } from './login/sessions.ts';
import { endWithProblem } from './respond.ts';
import { createRoutes, STREAM_PATH } from './routes.ts';
import { Scrapes } from './scrape.ts';
import { emptyStatistics, observeStatistics } from './statistics.ts';
import { type Upgrade, Viewers } from './viewers.ts';

/** Where the server gets what it shows. All are called in the server's thread and may throw. */
export interface ServerSources extends HistorySources {
  /** As of now. */
  snapshot(filter?: SenderFilter): Snapshot;
  /** The last tick's snapshot as JSON, made once for all who ask for the same; empty before the first tick. */
  latestSnapshotJson(filter?: SenderFilter): string;
  health(): Health;
  metricFamilies(): Iterable<MetricFamily>;
  /** Absent where no rule is judged. */
  readonly alerts?: AlertSources;
}

export interface CollectorServer {
  /**
   * Starts listening. Idempotent; after a failure it may be tried again.
   *
   * @throws NervecenterError `NC_PORT_TAKEN`, or `NC_CONFIG_INVALID` for a host or port that cannot be listened on.
   */
  start(): Promise<{ readonly url: string; readonly port: number }>;
  /** Sends a snapshot to every viewer that keeps up; it is framed once, however many there are. */
  broadcast(snapshotJson: string): void;
  /** Connected to the stream now, at most 1,000. */
  readonly viewers: number;
  /** An address that opens the dashboard once, within 15 minutes. The server has to be started. */
  newLoginUrl(): string;
  /** Closes the stream (code 1001) and stops listening, within about two seconds. Idempotent, safe before `start`. */
  shutdown(): Promise<void>;
}

export interface CollectorServerOptions {
  readonly config: Config;
  /** Every one of them opens the door; at least one. */
  readonly adminTokens: readonly string[];
  /** Named tokens and ended sessions. @default there are none, and what ends is forgotten at the end */
  readonly register?: AccessRegister;
  readonly sources: ServerSources;
  /** Makes the instruments of the server's own metrics. */
  readonly meter: Meter;
  /** The built dashboard, read once at start; missing: a page says so. */
  readonly assetsDir: string;
  /** @default null: no TLS */
  readonly tls?: TlsIdentity | null;
  readonly log: Log;
}

const HEADERS_TIMEOUT_MS = 10 * SECOND_MS;
const REQUEST_TIMEOUT_MS = 15 * SECOND_MS;
/** A connection on which nothing moves, such as a client that does not read its answer. */
const IDLE_TIMEOUT_MS = 60 * SECOND_MS;
const CONNECTIONS_CHECK_MS = 5 * SECOND_MS;
const HEADER_BYTES_MAX = 16 * KIB;
/** All viewers, and as many connections again for everything else; all viewers may come through one proxy. */
const CONNECTIONS: ConnectionLimits = { max: 2 * VIEWERS_MAX, ofAddressMax: 1.5 * VIEWERS_MAX };
/** Requests still being answered at shutdown get so long. */
const SHUTDOWN_GRACE_MS = SECOND_MS;

/** The collector's face: dashboard, API, stream and `/metrics` on one port, behind one gate. */
export function createCollectorServer(options: CollectorServerOptions): CollectorServer {
  return new HttpServer(options);
}

class HttpServer implements CollectorServer {
  readonly #options: CollectorServerOptions;
  readonly #statistics = emptyStatistics();
  readonly #codes = new LoginCodes(() => performance.now());
  readonly #cookies: SessionCookies;
  readonly #viewers: Viewers;
  readonly #gate: Gate;
  readonly #server: Server;
  #assets: Assets = { index: null, files: new Map() };
  #port = 0;
  #starting: Promise<{ url: string; port: number }> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: CollectorServerOptions) {
    this.#options = options;
    const { config, sources, register = new AccessRegister(), log } = options;
    const statistics = this.#statistics;
    observeStatistics(options.meter, statistics, () => this.viewers);
    const now = () => Date.now();
    const sessions = new Sessions({ tokens: options.adminTokens, register, now, statistics });
    this.#cookies = new SessionCookies(sessions, () => `nervecenter_session_${this.#port}`);
    const cookies = this.#cookies;
    const authenticator = this.#createAuthenticator(register);
    const latestSnapshotJson = (filter: SenderFilter) => sources.latestSnapshotJson(filter);
    this.#viewers = new Viewers({ sessions, statistics, latestSnapshotJson, log });
    register.onEnd(() => this.#viewers.closeEnded());
    const routes = createRoutes({
      snapshot: (filter) => sources.snapshot(filter),
      health: () => sources.health(),
      history: sources,
      alerts: sources.alerts,
      assets: () => this.#assets,
      login: new Login({ authenticator, sessions, cookies }),
      scrapes: new Scrapes(() => sources.metricFamilies(), statistics),
      prometheus: config.prometheus,
    });
    this.#gate = new Gate({ config, authenticator, cookies, routes, statistics, log });
    this.#server = this.#createServer();
  }

  get viewers(): number {
    return this.#viewers.count;
  }

  start(): Promise<{ url: string; port: number }> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = null;
      throw error;
    });
    return this.#starting;
  }

  broadcast(snapshotJson: string): void {
    this.#viewers.broadcast(snapshotJson);
  }

  newLoginUrl(): string {
    const { config } = this.#options;
    return loginUrl(browserUrl(config.host, this.#port, schemeOf(config)), this.#codes.make());
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#shutdown();
    return this.#stopping;
  }

  async #start(): Promise<{ url: string; port: number }> {
    if (this.#stopping !== null)
      throw new NervecenterError('NC_UNAVAILABLE', 'The server has been shut down.');
    const { config, assetsDir, log } = this.#options;
    this.#assets = await loadAssets(assetsDir, log);
    this.#port = await listen(this.#server, {
      host: config.host,
      port: config.port,
      setting: 'NERVECENTER_PORT',
    });
    // Failures after this one (running out of file descriptors, say) concern single connections.
    this.#server.on('error', () => this.#statistics.connectionsDropped++);
    return { url: browserUrl(config.host, this.#port, schemeOf(config)), port: this.#port };
  }

  async #shutdown(): Promise<void> {
    await this.#starting?.catch(() => null);
    await this.#viewers.shutdown();
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const grace = setTimeout(() => this.#server.closeAllConnections(), SHUTDOWN_GRACE_MS);
    this.#server.closeIdleConnections();
    await closed;
    clearTimeout(grace);
  }

  #createAuthenticator(register: AccessRegister): Authenticator {
    const { config, adminTokens } = this.#options;
    const chosen = config.adminTokens.length > 0;
    return new Authenticator({
      grants: new Grants({ adminTokens, chosen, register, now: () => Date.now() }),
      codes: this.#codes,
      cookies: this.#cookies,
      addresses: new ClientAddresses(config.trustedProxies),
      limiter: new AttemptLimiter(() => performance.now()),
      statistics: this.#statistics,
    });
  }

  #createServer(): Server {
    const { tls = null } = this.#options;
    const server = createHttpServer(
      tls,
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
        // Offers of other protocols (h2c) are no reason not to answer in this one.
        shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
      },
      endingPipelines(
        (request, response) => {
          if (tls !== null) keepOnTls(request, response);
          void this.#gate.answer(request, response);
        },
        () => this.#statistics.connectionsDropped++,
      ),
    );
    server.timeout = IDLE_TIMEOUT_MS;
    limitConnections(server, CONNECTIONS, () => this.#statistics.connectionsDropped++);
    server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    server.on('clientError', (error, socket) => this.#refuseMalformed(error, socket));
    return server;
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', ignoreFailure);
    const stopWatching = endWithPeer(socket);
    try {
      const identity = await this.#gate.admitUpgrade(request, STREAM_PATH).finally(stopWatching);
      if (socket.destroyed) return; // It had to wait for its turn, and did not.
      this.#admitViewer({ request, socket, head, identity });
    } catch (error) {
      endWithProblem(socket, toProblem(error));
    }
  }

  /** @throws NervecenterError `NC_BAD_REQUEST`, `NC_UNAVAILABLE` */
  #admitViewer(upgrade: Omit<Upgrade, 'renewal' | 'filter'>): void {
    const { request, identity } = upgrade;
    const filter = parsed(() => parseSenderFilter(parseTarget(request.url).search));
    if (!this.#viewers.hasRoomFor(filter)) {
      this.#statistics.viewersRefused++;
      throw new NervecenterError(
        'NC_UNAVAILABLE',
        'Too many different services and instances are watched at the moment. Try again later, or ask for snapshots.',
      );
    }
    if (this.#stopping !== null || this.viewers >= VIEWERS_MAX) {
      this.#statistics.viewersRefused++;
      throw new NervecenterError('NC_UNAVAILABLE', 'No further viewer can be taken on. Try again later.');
    }
    const renewal = identity.kind === 'session' ? this.#cookies.renew(identity.session) : null;
    this.#viewers.accept({ ...upgrade, renewal, filter });
  }

  /** What Node's parser gave up on; the connection is in an unknown state and ends. */
  #refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
    this.#statistics.requestsMalformed++;
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = MALFORMED_STATUS[error.code ?? ''] ?? 400;
    endWithProblem(
      socket,
      new NervecenterError('NC_BAD_REQUEST', 'The request cannot be read as HTTP.'),
      status,
    );
  }
}

const MALFORMED_STATUS: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

/**
 * Browsers come back over TLS alone (HSTS), for a year. They take that for every port of a name, the app's own included, so
 * it is said only where browsers reach us at the port of https itself, as the whole of that name.
 */
function keepOnTls({ headers: { host = '' } }: IncomingMessage, response: ServerResponse): void {
  const authority = parseAuthority(host);
  if (authority === null || (authority.port ?? '443') !== '443') return;
  const { name } = authority;
  if (isIP(name) === 0 && !name.startsWith('[') && !/(^|\.)localhost$/.test(name))
    response.setHeader('strict-transport-security', `max-age=${YEAR_SECONDS}`);
}

const YEAR_SECONDS = 31_536_000;

/**
 * Until its turn nobody reads an upgraded socket, nor notices that whoever opened it has hung up: it would keep its turn and its
 * place among the connections. Whoever sends something by then does not wait for the answer, as it should.
 *
 * @returns stops that.
 */
function endWithPeer(socket: Duplex): () => void {
  const end = () => socket.destroy();
  socket.on('end', end);
  socket.on('data', end);
  return () => {
    socket.off('end', end);
    socket.off('data', end);
  };
}

/** A socket that fails is destroyed and closed by Node; without a listener its error would end the process. */
function ignoreFailure(): void {}
