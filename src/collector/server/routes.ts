import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../config/config.ts';
import type { Role } from '../../core/access/token.ts';
import { NervecenterError } from '../../core/errors.ts';
import { healthUnknown } from '../../core/health.ts';
import { parseSenderFilter, type SenderFilter } from '../../core/history/sender-filter.ts';
import type { Health, Snapshot } from '../../core/snapshot.ts';
import { type AlertSources, alertRoutes } from './alert-routes.ts';
import type { Asset, Assets } from './assets.ts';
import {
  answerEvents,
  answerHistory,
  answerTrace,
  type HistorySources,
  parsed,
  TRACE_ROUTE,
  TRACES_PATH,
} from './history-routes.ts';
import type { Identity } from './login/authenticator.ts';
import type { Login } from './login/login.ts';
import { LOGIN_HTML, LOGIN_SCRIPT, LOGIN_STYLE, NOT_BUILT_HTML } from './login/login-page.ts';
import { redirect, respond, respondHtml, respondJson } from './respond.ts';
import type { Scrapes } from './scrape.ts';

export const STREAM_PATH = '/api/metrics/stream';
const IMMUTABLE = 'public, max-age=31536000, immutable';

/** One request on its way through its handler. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
  /** `null` on open routes, where nobody was asked. */
  readonly identity: Identity | null;
}

type Handler = (exchange: Exchange) => void | Promise<void>;

/** Who may: everybody without being asked who they are, or whoever has at least this role. */
export type Access = 'open' | Role;

/** What a method of a route does, and for whom. */
export interface Action {
  readonly access: Access;
  readonly handle: Handler;
}

export interface Route {
  /** `GET` answers `HEAD` as well. */
  readonly methods: Readonly<Partial<Record<'GET' | 'POST', Action>>>;
}

export interface RouteSources {
  readonly snapshot: (filter: SenderFilter) => Snapshot;
  readonly health: () => Health;
  readonly history: HistorySources;
  readonly alerts: AlertSources | undefined;
  readonly assets: () => Assets;
  readonly login: Login;
  readonly scrapes: Scrapes;
  readonly prometheus: Config['prometheus'];
}

/** The routes by exact path; what is below `/admin/` and below the path of traces is found by `findRoute`. */
export function createRoutes(sources: RouteSources): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>([
    ...apiRoutes(sources),
    ...alertRoutes(sources.alerts),
    ...loginRoutes(sources.login),
    ['/', openGet(({ response }) => redirect(response, '/admin/system'))],
    ['/admin', guardedGet((exchange) => answerDashboard(exchange, sources.assets()))],
  ]);
  if (sources.prometheus !== 'off') {
    const answer: Handler = ({ request, response }) => sources.scrapes.answer(request, response);
    routes.set('/metrics', sources.prometheus === 'on' ? openGet(answer) : guardedGet(answer));
  }
  return routes;
}

export function findRoute(routes: ReadonlyMap<string, Route>, path: string): Route | undefined {
  if (path.startsWith('/admin/')) return routes.get('/admin');
  return routes.get(path.startsWith(TRACES_PATH) ? TRACE_ROUTE : path);
}

/** Who may use a method of a route; of one it does not have, who may learn that: whoever may use any. */
export function accessTo({ methods }: Route, method: string): Access {
  const actions = Object.entries(methods);
  const own = actions.find(([name]) => name === method)?.[1].access;
  if (own !== undefined) return own;
  return actions.some(([, { access }]) => access === 'open') ? 'open' : 'viewer';
}

/** For the `Allow` header of a 405. */
export function allowedMethods(route: Route): string {
  const methods = Object.keys(route.methods).flatMap((method) =>
    method === 'GET' ? ['GET', 'HEAD'] : method,
  );
  return methods.join(', ');
}

function apiRoutes({ snapshot, health, history }: RouteSources): [string, Route][] {
  const view = (select: (snapshot: Snapshot) => unknown) =>
    guardedGet(({ response, search }) => {
      const filter = parsed(() => parseSenderFilter(search));
      respondJson(response, 200, select(snapshot(filter)));
    });
  return [
    ['/api/metrics/health', openGet(({ response }) => answerHealth(response, health))],
    ['/api/metrics/snapshot', view((all) => all)],
    ['/api/metrics/system', view((all) => all.system)],
    ['/api/metrics/rag', view(({ rag, cache }) => ({ rag, cache }))],
    ['/api/metrics/llm', view((all) => all.llm)],
    ['/api/metrics/history', guardedGet((exchange) => answerHistory(exchange, history))],
    ['/api/metrics/events', guardedGet((exchange) => answerEvents(exchange, history))],
    [TRACE_ROUTE, guardedGet((exchange) => answerTrace(exchange, history))],
    [STREAM_PATH, guardedGet(refusePlainStream)],
  ];
}

function loginRoutes(login: Login): [string, Route][] {
  const file = (contentType: string, body: string) =>
    openGet(({ response }) => respond(response, 200, { 'content-type': contentType }, body));
  return [
    [
      '/login',
      {
        methods: {
          GET: { access: 'open', handle: ({ response }) => respondHtml(response, 200, LOGIN_HTML) },
          POST: { access: 'open', handle: ({ request, response }) => login.logIn(request, response) },
        },
      },
    ],
    ['/login.js', file('text/javascript; charset=utf-8', LOGIN_SCRIPT)],
    ['/login.css', file('text/css; charset=utf-8', LOGIN_STYLE)],
    [
      '/logout',
      {
        methods: {
          POST: {
            access: 'viewer',
            handle: ({ request, response, identity }) => login.logOut(request, response, identity),
          },
        },
      },
    ],
  ];
}

function openGet(handle: Handler): Route {
  return { methods: { GET: { access: 'open', handle } } };
}

function guardedGet(handle: Handler): Route {
  return { methods: { GET: { access: 'viewer', handle } } };
}

/** Load balancers get the documented body whatever happens: one without a verdict is as bad as a critical one. */
function answerHealth(response: ServerResponse, evaluate: () => Health): void {
  let health: Health;
  try {
    health = evaluate();
  } catch {
    health = healthUnknown(new Date().toISOString());
  }
  respondJson(response, health.status === 'critical' ? 503 : 200, health);
}

function refusePlainStream(): never {
  throw new NervecenterError(
    'NC_BAD_REQUEST',
    'This is a WebSocket stream: connect to it with ws:// or wss://.',
  );
}

/** A file of the dashboard; anything else below `/admin/` is one of its views and gets the page itself. */
function answerDashboard({ request, response, path }: Exchange, assets: Assets): void {
  const isFile = path.startsWith('/admin/assets/');
  const asset = assets.files.get(path) ?? (isFile ? null : assets.index);
  if (asset !== null) answerAsset(request, response, asset);
  else if (isFile) throw new NervecenterError('NC_NOT_FOUND', 'There is no such file.');
  else respondHtml(response, 503, NOT_BUILT_HTML);
}

function answerAsset(request: IncomingMessage, response: ServerResponse, asset: Asset): void {
  // A cache shared with others may keep it: it must bring nobody a session.
  if (asset.immutable) response.removeHeader('set-cookie');
  const gzip = acceptsGzip(request.headers['accept-encoding']) ? asset.gzip : null;
  const headers = {
    'content-type': asset.contentType,
    'cache-control': asset.immutable ? IMMUTABLE : 'no-store',
    ...(asset.gzip === null ? {} : { vary: 'Accept-Encoding' }),
    ...(gzip === null ? {} : { 'content-encoding': 'gzip' }),
  };
  respond(response, 200, headers, gzip ?? asset.body);
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  return /(^|[,\s])gzip(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(String(header ?? ''));
}
