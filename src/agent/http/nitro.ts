import type { IncomingMessage } from 'node:http';
import type { Instrumentation } from '../instrumentation.ts';
import { onOutputLoad } from '../modules/hook.ts';
import { addRouteResolver } from './server.ts';

/** By its global name: the code that sets it is put into the build. */
const MATCHED_NAME = 'nervecenter.h3.route';
const MATCHED = Symbol.for(MATCHED_NAME);

interface MatchedRequest extends IncomingMessage {
  readonly [MATCHED]?: { readonly path?: unknown };
}

function nitroTemplate(request: IncomingMessage): string | undefined {
  const path = (request as MatchedRequest)[MATCHED]?.path;
  return typeof path === 'string' ? path : undefined;
}

/** Where the router of h3 says which route matched: whatever a minifier calls the event and the match. */
const MATCH = /([\w$]+)\.context\.matchedRoute\s*=\s*([\w$]+)\.matched\s*([;,])/g;

/** The same, said on Node's request as well, on the same line. A request of the app to itself has another. */
function saidOnRequest(source: string): string {
  return source.replace(
    MATCH,
    (match, event: string, matched: string, end: string) =>
      `${match} ${event}.node.req[Symbol.for('${MATCHED_NAME}')] = ${matched}.matched${end}`,
  );
}

/**
 * Route patterns of Nitro 2, which Nuxt 4 is served by: `/api/items/:id`, `/docs/**:parts`; pages of Nuxt are one route,
 * `/**`. Nitro puts its router, h3 1, into a file of the build that no other code can look into, and writes no list of routes;
 * so that one statement is completed as the file is loaded.
 */
export const nitro: Instrumentation = {
  name: 'nitro',
  start() {
    const output = { path: /\/chunks\/nitro\/nitro\.mjs$/, text: 'context.matchedRoute' };
    return onOutputLoad(output, () => addRouteResolver(nitroTemplate), saidOnRequest);
  },
};
