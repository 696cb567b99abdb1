import { currentContext } from '../context/context.ts';
import type { Instrumentation } from '../instrumentation.ts';
import { onOutputLoad } from '../modules/hook.ts';

/** What React Router tells of a request that it has answered. */
interface Answered {
  /** The patterns of all routes that matched, joined; empty where none did. */
  readonly meta?: { readonly pattern?: unknown };
}

interface RequestHandler {
  instrument(by: { readonly request: (handle: () => Promise<Answered>) => Promise<void> }): void;
}

/** React Router's own way to observe it. */
interface ServerInstrumentation {
  readonly handler: (handler: RequestHandler) => void;
}

interface EntryModule {
  readonly instrumentations?: readonly ServerInstrumentation[];
}

interface ServerBuild {
  readonly entry?: { module?: EntryModule };
}

const NOTING: ServerInstrumentation = {
  handler(handler) {
    handler.instrument({
      async request(handle) {
        const { meta } = await handle();
        const work = currentContext();
        const pattern = meta?.pattern;
        // Without a route that matched it has none, whatever the server in front says: that takes every path.
        if (work !== undefined && typeof pattern === 'string') work.root.route = absolute(pattern);
      },
    });
  },
};

function absolute(pattern: string): string {
  return pattern === '' || pattern.startsWith('/') ? pattern : `/${pattern}`;
}

function observeBuild(exports: unknown): (() => void) | undefined {
  const { entry } = exports as ServerBuild;
  const original = entry?.module;
  if (entry === undefined || original === undefined) return undefined;
  const observed = { ...original, instrumentations: [...(original.instrumentations ?? []), NOTING] };
  entry.module = observed;
  return () => {
    if (entry.module === observed) entry.module = original;
  };
}

/**
 * Route patterns of React Router 8 as a framework (before: Remix), whatever server is in front: `/blog/:slug`, `/docs/*`. They
 * come by the instrumentations that a server build may export; ours are added to those of the app's `entry.server`.
 */
export const reactRouter: Instrumentation = {
  name: 'react-router',
  start: () => onOutputLoad({ path: /\/server\/index\.m?js$/, text: 'assetsBuildDirectory' }, observeBuild),
};
