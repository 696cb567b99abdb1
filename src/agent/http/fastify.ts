import { currentContext } from '../context/context.ts';
import type { Instrumentation } from '../instrumentation.ts';
import { onlyNoticed, onModuleLoad } from '../modules/hook.ts';
import { listening } from '../modules/undoable.ts';

interface FastifyRequest {
  readonly is404?: boolean;
  readonly routeOptions?: { readonly url?: string };
}

type OnRequest = (request: FastifyRequest, reply: unknown, done: () => void) => void;

interface FastifyInstance {
  addHook?(name: 'onRequest', hook: OnRequest): unknown;
}

/** First of all hooks, so that a request another hook refuses has its route too. */
const noteRoute: OnRequest = (request, _reply, done) => {
  const work = currentContext();
  // A route is set already when the app calls itself through `inject` while it serves a request.
  if (work !== undefined && work.route === undefined && request.is404 !== true) {
    work.route = request.routeOptions?.url;
  }
  done();
};

/** Route templates of Fastify 4.10 and later, through its initialization channel. */
export const fastify: Instrumentation = {
  name: 'fastify',
  start(agent) {
    const initialized = (message: unknown) => {
      try {
        (message as { fastify?: FastifyInstance }).fastify?.addHook?.('onRequest', noteRoute);
      } catch (error) {
        agent.warnOnce('fastify', `routes of a Fastify app cannot be seen: ${String(error)}`);
      }
    };
    const undos = [
      listening('fastify.initialization', initialized),
      onModuleLoad('fastify/fastify.js', onlyNoticed),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  },
};
