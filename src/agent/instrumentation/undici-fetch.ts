import { createRequire } from 'node:module';
import type { Agent } from '../agent.ts';

/** From this version on undici publishes the chunks of bodies. Node 24 has it built in, Node 22 has not. */
const UNDICI_MAJOR_MIN = 7;

const GLOBALS = ['fetch', 'Headers', 'Request', 'Response', 'FormData'] as const;
type FetchGlobal = (typeof GLOBALS)[number];
type Undici = Readonly<Record<FetchGlobal, unknown>>;

/** Whether the undici inside this Node publishes the chunks of bodies. */
export function publishesBodies(undiciVersion: string | undefined): boolean {
  return Number.parseInt(undiciVersion ?? '0', 10) >= UNDICI_MAJOR_MIN;
}

/**
 * Sees to it that `fetch` publishes the chunks of bodies: where Node's own does not, the global `fetch` and its classes
 * come from the undici package instead, loaded when the app first uses one of them.
 *
 * @returns how to undo it.
 */
export function provideBodyChannels(agent: Agent): () => void {
  if (publishesBodies(process.versions['undici'])) return () => {};
  const load = lazyUndici(agent);
  const undo = GLOBALS.map((name) => replaceGlobal(name, load));
  return () => {
    for (const restore of undo) restore();
  };
}

function lazyUndici(agent: Agent): () => Undici | null {
  let undici: Undici | null | undefined;
  return () => {
    if (undici !== undefined) return undici;
    try {
      undici = createRequire(import.meta.url)('undici') as Undici;
    } catch (error) {
      undici = null;
      agent.warnOnce(
        'llm:undici',
        `tokens of model calls stay unknown, undici cannot be loaded: ${String(error)}`,
      );
    }
    return undici;
  };
}

function replaceGlobal(name: FetchGlobal, load: () => Undici | null): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  if (before?.configurable !== true) return () => {};
  const original = (): unknown => (before.get === undefined ? before.value : before.get.call(globalThis));
  const get = () => load()?.[name] ?? original();
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable: before.enumerable ?? false,
    get,
    // Who sets the global means it: from then on it is theirs.
    set(value: unknown) {
      Object.defineProperty(globalThis, name, {
        configurable: true,
        enumerable: true,
        writable: true,
        value,
      });
    },
  });
  return () => {
    if (Object.getOwnPropertyDescriptor(globalThis, name)?.get === get) {
      Object.defineProperty(globalThis, name, before);
    }
  };
}
