import { currentContext } from '../context/context.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { addRouteResolver } from './server.ts';

/** Hono's context; `incoming` is there when `@hono/node-server` serves, and not in a call of the app to itself. */
interface HonoContext {
  readonly env?: { readonly incoming?: unknown };
}

type Handler = (context: HonoContext, next: unknown) => unknown;
type Entry = readonly [handler: Handler, route: { readonly path?: unknown }, ...rest: unknown[]];

interface Router {
  add?(this: unknown, method: string, path: string, entry: unknown): unknown;
}

/** Every router Hono may be made with; the default one is the smart one, which hands over to others later. */
const ROUTERS = ['smart-router', 'reg-exp-router', 'trie-router', 'linear-router', 'pattern-router'] as const;
const FORMATS = ['hono/dist/router', 'hono/dist/cjs/router'] as const;

const observed = new WeakSet<object>();

/** Where Hono keeps the app's handler when it wraps it for the error handler of a mounted app. */
const COMPOSED_HANDLER = '__COMPOSED_HANDLER';

/** Hono tells middleware from handlers by their number of parameters (`inspectRoutes`): handlers take no `next`. */
function isMiddleware(handler: Handler, method: string, path: string): boolean {
  const target = (handler as Handler & { [COMPOSED_HANDLER]?: Handler })[COMPOSED_HANDLER] ?? handler;
  return target.length > 1 && (method === 'ALL' || path.endsWith('*'));
}

/** The same entry with a handler that notes the route it serves. */
function observedEntry(method: string, path: string, entry: unknown): unknown {
  if (!Array.isArray(entry) || observed.has(entry)) return entry;
  const [handler, route, ...rest] = entry as unknown as Entry;
  if (typeof handler !== 'function' || typeof route !== 'object' || route === null) return entry;
  if (isMiddleware(handler, method, path)) return entry;
  const noting: Handler = (context, next) => {
    const work = context?.env?.incoming === undefined ? undefined : currentContext();
    if (work !== undefined) work.root.route = path;
    return handler(context, next);
  };
  const wrapped = [noting, route, ...rest];
  observed.add(wrapped);
  return wrapped;
}

/** Copies of Hono's router that are observed. */
let routers = 0;

function observeRouter(exports: unknown): (() => void) | undefined {
  for (const exported of Object.values(exports as object)) {
    const prototype = (exported as { prototype?: Router } | undefined)?.prototype;
    const original = prototype?.add;
    if (prototype === undefined || typeof original !== 'function') continue;
    prototype.add = function add(method, path, entry) {
      return original.call(this, method, path, observedEntry(method, path, entry));
    };
    routers++;
    return () => {
      routers--;
      prototype.add = original;
    };
  }
  return undefined;
}

const UNSEEN =
  'routes of Hono cannot be seen, its requests are <unmatched>: it is inside a bundle. Leave it out of the bundle ' +
  '(esbuild: --external:hono), and have it installed. Before Node 22.22.3 and 24.11.1 it cannot be seen in ES modules either.';

/** `@hono/node-server` puts a `Response` of its own in front of Node's: the one trace of it that a bundle leaves. */
function isServedByHono(): boolean {
  return Object.getPrototypeOf(globalThis.Response) !== Function.prototype;
}

/** Of the first request that has no route: says so, where it is Hono's. @returns no longer wants to. */
function sayUnseen({ warnOnce }: Agent): () => void {
  const forget = addRouteResolver(() => {
    forget();
    if (routers === 0 && isServedByHono()) warnOnce('hono', UNSEEN);
    return undefined;
  });
  return forget;
}

/** Route templates of Hono 4 on `@hono/node-server`. */
export const hono: Instrumentation = {
  name: 'hono',
  start(agent) {
    const routes = FORMATS.flatMap((folder) =>
      ROUTERS.map((router) => onModuleLoad(`${folder}/${router}/router.js`, observeRouter)),
    );
    const undos = [...routes, sayUnseen(agent)];
    return () => {
      for (const undo of undos) undo();
    };
  },
};
