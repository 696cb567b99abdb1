import type { IncomingMessage } from 'node:http';
import type { Instrumentation } from '../instrumentation.ts';
import { onlyNoticed, onModuleLoad } from '../modules/hook.ts';
import { addRouteResolver } from './server.ts';

/**
 * Under this key the parts of Next.js, which are bundled apart, tell each other of a request: on Node's own request, and by a
 * name of the whole process, in every mode (`next start`, `next dev`, a standalone build, a server of the app's own).
 */
const REQUEST_META = Symbol.for('NextInternalRequestMeta');

interface RequestMeta {
  /** The output that the router chose: the route as its folders name it, without groups. It outlives the page of an error. */
  readonly invokeOutput?: unknown;
  /** What serves the request in the end. Where nothing matched: the page that says so. */
  readonly match?: { readonly definition?: { readonly pathname?: unknown } };
}

/** Pages for what has no route. */
const ERROR_PAGES: ReadonlySet<unknown> = new Set(['/_not-found', '/_error', '/400', '/404', '/405', '/500']);

function nextTemplate(request: IncomingMessage): string | undefined {
  const meta = (request as { [REQUEST_META]?: RequestMeta })[REQUEST_META];
  const route = meta?.invokeOutput ?? meta?.match?.definition?.pathname;
  return typeof route === 'string' && !ERROR_PAGES.has(route) ? route : undefined;
}

/**
 * Route templates of Next.js 13.4 and later, of both routers: `/blog/[slug]`, `/docs/[...parts]`. What Next's own tracing says
 * (`next.route`) is there only with an OpenTelemetry SDK, and its manifests, which are in another place in each mode, know
 * nothing of rewrites; what its router has decided stands on the request.
 */
export const next: Instrumentation = {
  name: 'next',
  start() {
    const undos = [
      onModuleLoad('next/dist/server/request-meta.js', () => addRouteResolver(nextTemplate)),
      onModuleLoad('next/dist/server/lib/router-server.js', onlyNoticed),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  },
};
