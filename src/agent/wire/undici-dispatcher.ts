import { createRequire } from 'node:module';
import type { Agent } from '../instrumentation.ts';

/** From this version on undici publishes the chunks of bodies. Node 24 has it built in, Node 22 has not. */
const UNDICI_MAJOR_MIN = 7;
/** Where every copy of undici, Node's own included, looks for the dispatcher of requests that name none. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1');
const PACKAGE = 'undici';
/** Class of the dispatcher that undici sets up by itself. */
const DEFAULT_CLASS = 'Agent';

/** Whether the undici inside this Node publishes the chunks of bodies. */
export function publishesBodies(undiciVersion: string | undefined): boolean {
  return Number.parseInt(undiciVersion ?? '0', 10) >= UNDICI_MAJOR_MIN;
}

/**
 * Sees to it that `fetch` publishes the chunks of bodies: where Node's own undici does not, its requests are dispatched by
 * the undici package instead, loaded with the first request. `fetch` and its classes stay Node's. A dispatcher that the app
 * (a proxy, a mock) sets before or later is left in place; under one of undici 6 or older tokens stay unknown.
 *
 * @param builtIn version of the undici inside this Node.
 * @returns how to undo it.
 */
export function provideBodyChannels(
  agent: Pick<Agent, 'warnOnce'>,
  builtIn = process.versions['undici'],
): () => void {
  if (publishesBodies(builtIn)) return () => {};
  const require = createRequire(import.meta.url);
  if (!isInstalled(require)) {
    agent.warnOnce(
      'llm:undici',
      'tokens of model calls stay unknown: on this Node they need the undici package',
    );
    return () => {};
  }
  const before = Reflect.get(globalThis, GLOBAL_DISPATCHER) as object | undefined;
  if (before !== undefined && before.constructor.name !== DEFAULT_CLASS) return () => {};
  const ours = lazyDispatcher(require);
  setDispatcher(ours);
  return () => {
    if (Reflect.get(globalThis, GLOBAL_DISPATCHER) === ours) setDispatcher(before);
  };
}

function setDispatcher(value: object | undefined): void {
  Object.defineProperty(globalThis, GLOBAL_DISPATCHER, { value, writable: true });
}

function isInstalled(require: NodeJS.Require): boolean {
  try {
    require.resolve(PACKAGE);
    return true;
  } catch {
    return false;
  }
}

/** Stands for undici's `Agent` and becomes it when first used: loading undici takes longer than starting the agent may. */
function lazyDispatcher(require: NodeJS.Require): object {
  let loaded: object | undefined;
  const dispatcher = () => {
    loaded ??= new (require(PACKAGE) as { readonly Agent: new () => object }).Agent();
    return loaded;
  };
  return new Proxy(
    {},
    {
      get(_target, key) {
        const value: unknown = Reflect.get(dispatcher(), key);
        return typeof value === 'function' ? value.bind(dispatcher()) : value;
      },
      has: (_target, key) => Reflect.has(dispatcher(), key),
      getPrototypeOf: () => Reflect.getPrototypeOf(dispatcher()),
    },
  );
}
