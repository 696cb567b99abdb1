import type { IncomingMessage } from 'node:http';
import type { Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { addRouteResolver } from './server.ts';

/** What `@koa/router` (and `koa-router` before it) leaves on a Koa context. */
interface KoaContext {
  readonly req?: ObservedRequest;
  readonly method?: string;
  /** Pattern of the last layer that ran, which may be a middleware of the router. */
  readonly _matchedRoute?: unknown;
  /** Every layer whose path matched, in order. */
  readonly matched?: readonly { readonly path?: unknown; readonly methods?: readonly string[] }[];
}

const CONTEXT = Symbol('nervecenter.koa');
type ObservedRequest = IncomingMessage & { [CONTEXT]?: KoaContext };

function koaTemplate(request: IncomingMessage): string | undefined {
  const context = (request as ObservedRequest)[CONTEXT];
  if (context?._matchedRoute === undefined || !Array.isArray(context.matched)) return undefined;
  const { _matchedRoute, method = '', matched } = context as Required<KoaContext>;
  const routes = matched.filter((layer) => layer.methods?.includes(method));
  const route = routes.find((layer) => layer.path === _matchedRoute) ?? routes.at(-1);
  return route === undefined ? undefined : String(route.path);
}

type HandleRequest = (this: unknown, context: KoaContext, ...rest: unknown[]) => unknown;

/** Koa publishes nothing and leaves nothing on Node's request: link its context to it. */
function linkContexts(exports: unknown): (() => void) | undefined {
  const prototype = (exports as { prototype?: { handleRequest?: HandleRequest } }).prototype;
  const original = prototype?.handleRequest;
  if (prototype === undefined || typeof original !== 'function') return undefined;
  prototype.handleRequest = function handleRequest(context, ...rest) {
    if (context?.req !== undefined) context.req[CONTEXT] = context;
    return original.call(this, context, ...rest);
  };
  const forget = addRouteResolver(koaTemplate);
  return () => {
    forget();
    prototype.handleRequest = original;
  };
}

/** Route templates of Koa 2 and 3 with `@koa/router` or `koa-router`. */
export const koa: Instrumentation = {
  name: 'koa',
  start() {
    return onModuleLoad('koa/lib/application.js', linkContexts);
  },
};
