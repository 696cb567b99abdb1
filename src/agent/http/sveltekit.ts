import { currentContext } from '../context/context.ts';
import type { Instrumentation } from '../instrumentation.ts';
import { onOutputLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';

interface SvelteKitEvent {
  readonly route?: { readonly id?: unknown };
}

/** SvelteKit 3 goes on by `handle`, SvelteKit 2 by itself. */
type BeforeHandle = (event: SvelteKitEvent, ...rest: readonly unknown[]) => unknown;

interface RespondOptions {
  readonly before_handle?: BeforeHandle;
}

interface SvelteKitServer {
  respond(request: unknown, options?: RespondOptions): unknown;
}

/** What an adapter's server is built on: an object from SvelteKit 3 on, a class before. */
interface ServerModule {
  readonly server?: SvelteKitServer;
  readonly Server?: { readonly prototype?: SvelteKitServer };
}

function observeServer(exports: unknown): (() => void) | undefined {
  const { server, Server } = exports as ServerModule;
  const responding = server ?? Server?.prototype;
  if (typeof responding?.respond !== 'function') return undefined;
  return replaceMethod(responding, 'respond', (respond) => {
    return function observed(this: unknown, request, options) {
      return respond.call(this as SvelteKitServer, request, {
        ...options,
        before_handle: noting(options?.before_handle),
      });
    };
  });
}

/** SvelteKit asks it once it has found the route and before it runs anything of the app for it. */
function noting(other: BeforeHandle | undefined): BeforeHandle {
  return (event, ...rest) => {
    const root = currentContext()?.root;
    const id = event.route?.id;
    // A request that the app makes of itself while it serves another comes later.
    if (root !== undefined && root.route === undefined && typeof id === 'string') root.route = id;
    if (other !== undefined) return other(event, ...rest);
    const handle = rest.at(-1);
    return typeof handle === 'function' ? handle() : undefined;
  };
}

/**
 * Route ids of SvelteKit 2 and 3 with `adapter-node`, as SvelteKit's own tracing has them: `/blog/[slug]`, `/(site)/about`. The
 * build holds all of SvelteKit in chunks of its own, so it is asked through the file that the adapter's handler loads.
 */
export const sveltekit: Instrumentation = {
  name: 'sveltekit',
  start() {
    const undos = [
      onOutputLoad({ path: /\/server\/server\.js$/, text: 'create_server(manifest)' }, observeServer),
      onOutputLoad({ path: /\/server\/index\.js$/, text: 'class Server' }, observeServer),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  },
};
