import type { IncomingMessage, ServerResponse } from 'node:http';
import { NervecenterError } from '../../core/errors.ts';
import { healthUnknown } from '../../core/health.ts';
import { problemAnswer, toProblem } from '../../core/http/problem.ts';
import { type HttpAnswer, writeAnswer } from '../../platform/http-answer.ts';
import { markOwnTraffic } from '../context/own-traffic.ts';
import { type AgentHandle, agentHandle, notLoaded } from './handle.ts';

const DEFAULT_PREFIX = '/api/metrics';

export interface MountOptions {
  /**
   * Whether whoever sent the request may see the metrics; only `true` lets them. The app's own decision: nervecenter's
   * tokens and cookies count for nothing here. What it throws is answered with 503 and said once on stderr.
   */
  authorize(request: IncomingMessage): boolean | Promise<boolean>;
  /** The path the routes are below. @default '/api/metrics' */
  readonly prefix?: string;
}

/** `true`: the request is answered here. `false`: it is somebody else's, and `next`, if given, has been called. */
export type MetricsHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => boolean;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface View {
  /** Answers without asking `authorize`. */
  readonly open: boolean;
  readonly load: (handle: AgentHandle) => Promise<Answer>;
}

const VIEWS: ReadonlyMap<string, View> = new Map<string, View>([
  ['health', { open: true, load: async (handle) => healthAnswer(handle) }],
  ['snapshot', guarded(async (handle) => handle.snapshot())],
  ['system', guarded(async (handle) => (await handle.snapshot()).system)],
  [
    'rag',
    guarded(async (handle) => {
      const { rag, cache } = await handle.snapshot();
      return { rag, cache };
    }),
  ],
  ['llm', guarded(async (handle) => (await handle.snapshot()).llm)],
]);

/**
 * Serves `snapshot`, `health`, `system`, `rag` and `llm` below `/api/metrics` on the app's own server, as the collector
 * does on its port: JSON, and `application/problem+json` for what goes wrong. Every other request goes on to `next`.
 * `health` asks nobody, so that load balancers can use it. Requests answered here are not counted as the app's.
 *
 * Works with `node:http` and with everything that takes Connect's middleware, Express included, there also with the mount
 * path of `app.use(path, …)` taken off the URL. Without the agent (`--require nervecenter/otel`) it answers 503.
 *
 * @example
 * app.use(metricsHandler({ authorize: (request) => request.session?.isAdmin === true }));
 *
 * @example
 * const metrics = metricsHandler({ authorize: isAdmin });
 * http.createServer((request, response) => {
 *   if (metrics(request, response)) return;
 *   response.end('the app');
 * });
 *
 * @throws NervecenterError `NC_CONFIG_INVALID` when there is no `authorize`, or the prefix is no path.
 */
export function metricsHandler(options: MountOptions): MetricsHandler {
  const prefix = mountPrefix(options, 'metricsHandler');
  return (request, response, next) => {
    const view = viewOf(request, prefix);
    if (view === undefined) {
      next?.();
      return false;
    }
    markOwnTraffic(request);
    void answer(request, response, view, options);
    return true;
  };
}

/**
 * The prefix of the routes, once the options are known to be usable.
 *
 * @throws NervecenterError `NC_CONFIG_INVALID`
 */
export function mountPrefix(options: MountOptions, caller: string): string {
  if (typeof options?.authorize !== 'function') {
    throw new NervecenterError(
      'NC_CONFIG_INVALID',
      `${caller} needs to know who may see the metrics: give it { authorize: (request) => … }, which returns true or false.`,
    );
  }
  const { prefix = DEFAULT_PREFIX } = options;
  if (typeof prefix !== 'string' || !/^\/[^?#\s]*$/.test(prefix)) {
    throw new NervecenterError(
      'NC_CONFIG_INVALID',
      `${caller}: prefix must be a path such as "${DEFAULT_PREFIX}", got ${JSON.stringify(prefix)}.`,
    );
  }
  return prefix.replace(/\/+$/, '');
}

/**
 * Asks the app.
 *
 * @throws NervecenterError `NC_UNAUTHENTICATED`, or `NC_UNAVAILABLE` when the app's own function fails.
 */
export async function admit(options: MountOptions, request: IncomingMessage): Promise<void> {
  let authorized: boolean;
  try {
    authorized = (await options.authorize(request)) === true;
  } catch (error) {
    agentHandle()?.warnOnce('authorize', `the app's authorize() for /api/metrics failed: ${String(error)}`);
    throw new NervecenterError('NC_UNAVAILABLE', 'Who may see this cannot be decided at the moment.', {
      cause: error,
    });
  }
  if (!authorized) throw new NervecenterError('NC_UNAUTHENTICATED', 'The app does not show this to you.');
}

/** Path of a request target without its query string. */
export function pathOf(target: string | undefined): string {
  const query = target?.indexOf('?') ?? -1;
  return query === -1 ? (target ?? '') : (target?.slice(0, query) ?? '');
}

function guarded(select: (handle: AgentHandle) => Promise<unknown>): View {
  return { open: false, load: async (handle) => ({ status: 200, body: await select(handle) }) };
}

/** The documented body also when no collector answers. */
async function healthAnswer(handle: AgentHandle): Promise<Answer> {
  const health = await handle.health().catch(() => healthUnknown(new Date().toISOString()));
  return { status: health.status === 'critical' ? 503 : 200, body: health };
}

function viewOf(request: IncomingMessage & { originalUrl?: unknown }, prefix: string): View | undefined {
  const { url = '', originalUrl } = request;
  const view = viewAt(url, prefix);
  if (view !== undefined || typeof originalUrl !== 'string') return view;
  // What Express and Connect leave in `url` below a mount is the end of what was asked for.
  return originalUrl.endsWith(url) ? viewAt(originalUrl, prefix) : undefined;
}

function viewAt(target: string, prefix: string): View | undefined {
  if (!target.startsWith(prefix) || target[prefix.length] !== '/') return undefined;
  return VIEWS.get(pathOf(target).slice(prefix.length + 1));
}

/** Never throws and never rejects. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  view: View,
  options: MountOptions,
): Promise<void> {
  // The answer of a connection that breaks goes nowhere; without a listener the breaking would end the process.
  response.on('error', ignoreFailure);
  try {
    if (!view.open) await admit(options, request);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const problem = new NervecenterError('NC_METHOD_NOT_ALLOWED', 'This route answers GET, HEAD.');
      const { headers, ...answer } = problemAnswer(problem);
      respond(response, { ...answer, headers: { ...headers, allow: 'GET, HEAD' } });
      return;
    }
    const handle = agentHandle();
    if (handle === undefined) throw notLoaded();
    const { status, body } = await view.load(handle);
    respond(response, { status, headers: JSON_HEADERS, body: JSON.stringify(body) });
  } catch (error) {
    respond(response, problemAnswer(toProblem(error)));
  }
}

const JSON_HEADERS = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

function respond(response: ServerResponse, answer: HttpAnswer): void {
  try {
    writeAnswer(response, answer);
  } catch {
    // Somebody else has answered or replaced the response: there is nothing left to say.
  }
}

function ignoreFailure(): void {}
