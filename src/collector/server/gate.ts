import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../config/config.ts';
import { allows } from '../../core/access/token.ts';
import { NervecenterError } from '../../core/errors.ts';
import { toProblem } from '../../core/http/problem.ts';
import { Condition } from '../condition.ts';
import type { Log } from '../log.ts';
import { admitHost, admitOrigin } from './admission.ts';
import type { Authenticator, Identity } from './login/authenticator.ts';
import type { SessionCookies } from './login/session-cookies.ts';
import { redirect, respondProblem, respondProblemPage } from './respond.ts';
import { type Access, accessTo, allowedMethods, findRoute, type Route } from './routes.ts';
import type { ServerStatistics } from './statistics.ts';

/** Distinct refusals that are logged; an attacker can make up more. */
const REFUSALS_LOGGED_MAX = 20;

export interface GateOptions {
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly cookies: SessionCookies;
  readonly routes: ReadonlyMap<string, Route>;
  readonly statistics: ServerStatistics;
  readonly log: Log;
}

/**
 * The one way in. Host, then authentication, then route, method, role and origin: a route without a decision about who may
 * see it cannot exist, and whoever may see nothing learns nothing about what there is.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #refusalsLogged = new Set<string>();
  readonly #failures = new Map<Route, Condition>();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Answers a request; never throws and never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // The answer of a connection that breaks goes nowhere; without listeners the breaking would end the process.
    request.on('error', ignoreFailure);
    response.on('error', ignoreFailure);
    try {
      await this.#answer(request, response);
    } catch (error) {
      this.#refuse(request, response, toProblem(error));
    }
  }

  /**
   * Who asks for the stream at `path`.
   *
   * @throws NervecenterError for whatever must not pass.
   */
  async admitUpgrade(request: IncomingMessage, path: string): Promise<Identity> {
    try {
      const target = parseTarget(request.url);
      const authority = admitHost(target.authority ?? hostOf(request), this.#options.config);
      const identity = await this.#options.authenticator.identify(request);
      const route = target.path === path ? findRoute(this.#options.routes, path) : undefined;
      if (route === undefined) throw new NervecenterError('NC_NOT_FOUND', 'There is no stream here.');
      admitRole(identity, accessTo(route, 'GET'));
      const { origin } = request.headers;
      const addressee = { ...authority, onTls: isEncrypted(request) };
      admitOrigin({ origin, addressee, bearer: identity.kind === 'bearer' }, this.#options.config);
      return identity;
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { config, routes } = this.#options;
    const target = parseTarget(request.url);
    const authority = admitHost(target.authority ?? hostOf(request), config);
    const route = findRoute(routes, target.path);
    const method = methodOf(request);
    const access = route === undefined ? 'viewer' : accessTo(route, method);
    if (access !== 'open' && isNavigation(request, target) && !this.#knows(request)) {
      redirect(response, `/login?next=${encodeURIComponent(target.path + target.search)}`);
      return;
    }
    const identity = access === 'open' ? null : await this.#options.authenticator.identify(request);
    if (identity?.kind === 'session') {
      const renewal = this.#options.cookies.renew(identity.session);
      if (renewal !== null) response.setHeader('set-cookie', renewal.setCookie);
    }
    if (route === undefined) throw new NervecenterError('NC_NOT_FOUND', 'There is no such route.');
    const action = route.methods[method];
    if (action === undefined) return refuseMethod(response, route);
    admitRole(identity, access);
    if (method === 'POST') {
      const { origin } = request.headers;
      const addressee = { ...authority, onTls: isEncrypted(request) };
      admitOrigin({ origin, addressee, bearer: identity?.kind === 'bearer' }, config);
    }
    const { path, search } = target;
    await this.#run(route, request, () => action.handle({ request, response, path, search, identity }));
  }

  /** Whether somebody known asks, for a page that otherwise sends its visitor to the login. */
  #knows(request: IncomingMessage): boolean {
    return (
      request.headers.authorization !== undefined || this.#options.authenticator.session(request) !== null
    );
  }

  async #run(route: Route, request: IncomingMessage, handle: () => void | Promise<void>): Promise<void> {
    const failure = this.#failures.get(route) ?? new Condition(this.#options.log, 'server');
    this.#failures.set(route, failure);
    try {
      await handle();
      failure.end('requests that failed are answered again');
    } catch (error) {
      // A client that went away is no failure of ours.
      if (!(error instanceof NervecenterError) && !request.socket.destroyed) {
        failure.begin(`a request could not be answered: ${String(error)}`);
      }
      throw error;
    }
  }

  #refuse(request: IncomingMessage, response: ServerResponse, problem: NervecenterError): void {
    this.#note(problem);
    if (response.headersSent) {
      // Too late for a status: a broken connection is the only way left to say that the answer is incomplete.
      response.destroy();
      return;
    }
    // An unread body would have to be read before the connection could be used again.
    const headers = announcesBody(request) ? { connection: 'close' } : {};
    if (wantsPage(request)) respondProblemPage(response, problem, headers);
    else respondProblem(response, problem, headers);
  }

  /** Counts a refusal and, the first time, tells the operator what to change. */
  #note(error: unknown): void {
    if (!(error instanceof NervecenterError)) return;
    const { statistics, log } = this.#options;
    if (error.code === 'NC_HOST_REFUSED') statistics.hostsRefused++;
    else if (error.code === 'NC_ORIGIN_REFUSED') statistics.originsRefused++;
    else return;
    if (this.#refusalsLogged.size >= REFUSALS_LOGGED_MAX || this.#refusalsLogged.has(error.message)) return;
    this.#refusalsLogged.add(error.message);
    log('server', error.message);
  }
}

/** @throws NervecenterError `NC_FORBIDDEN` */
function admitRole(identity: Identity | null, access: Access): void {
  if (access === 'open' || (identity !== null && allows(identity.role, access))) return;
  throw new NervecenterError(
    'NC_FORBIDDEN',
    `This is for the role ${access}, and yours is ${identity?.role ?? 'none'}. Ask whoever runs the collector for a token of that role.`,
  );
}

function refuseMethod(response: ServerResponse, route: Route): void {
  const allow = allowedMethods(route);
  const problem = new NervecenterError('NC_METHOD_NOT_ALLOWED', `This route answers ${allow}.`);
  respondProblem(response, problem, { allow });
}

/** A browser on its way to a page, rather than a script or a client asking for something. */
function isNavigation(request: IncomingMessage, { path }: Target): boolean {
  return (
    methodOf(request) === 'GET' && (path === '/admin' || path.startsWith('/admin/')) && wantsPage(request)
  );
}

/** Whether somebody is going to read the answer: a browser on its way somewhere has no token to send. */
function wantsPage({ headers }: IncomingMessage): boolean {
  return headers.authorization === undefined && (headers.accept ?? '').includes('text/html');
}

function methodOf({ method }: IncomingMessage): 'GET' | 'POST' {
  return (method === 'HEAD' ? 'GET' : method) as 'GET' | 'POST';
}

/**
 * Two of them, and whoever is in front of us may have gone by the other (RFC 9112, 3.2).
 *
 * @throws NervecenterError `NC_BAD_REQUEST`
 */
function hostOf({ headers, headersDistinct }: IncomingMessage): string | undefined {
  if ((headersDistinct['host']?.length ?? 0) <= 1) return headers.host;
  throw new NervecenterError('NC_BAD_REQUEST', 'Expected one Host header, got several.');
}

/** Node's mark of a socket that TLS is spoken on. */
function isEncrypted({ socket }: IncomingMessage): boolean {
  return 'encrypted' in socket;
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Sockets and responses that fail close themselves. */
function ignoreFailure(): void {}

/** What a request asks for. `path` is as it was sent: routes are compared with it and nothing in it is decoded. */
interface Target {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
  /** Of an absolute-form target, which counts instead of the Host header (RFC 9112, 3.2.2). */
  readonly authority: string | null;
}

/**
 * Takes a request target apart without ever handing it to a parser that throws.
 *
 * @throws NervecenterError `NC_BAD_REQUEST` for a target that is neither a path nor an http(s) URL.
 */
export function parseTarget(target: string | undefined): Target {
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target ?? '');
  const rest = absolute === null ? (target ?? '') : (absolute[2] ?? '');
  const local = absolute !== null && !rest.startsWith('/') ? `/${rest}` : rest;
  if (!local.startsWith('/')) {
    throw new NervecenterError('NC_BAD_REQUEST', 'The request target must be a path such as /admin/system.');
  }
  const query = local.indexOf('?');
  return {
    path: query === -1 ? local : local.slice(0, query),
    search: query === -1 ? '' : local.slice(query),
    authority: absolute?.[1] ?? null,
  };
}
