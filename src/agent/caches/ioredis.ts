import { currentContext, type WorkContext } from '../context/context.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { outerLookup } from './lookup.ts';
import { type Asked, askedCaches, readOutcomes } from './redis-reads.ts';

/** Where a command keeps what is known of it; set once, because a command that is sent again is still one look-up. */
const LOOKUP = Symbol('nervecenter.lookup');

interface PendingLookup {
  readonly command: string;
  readonly asked: Asked;
  readonly work: WorkContext | null;
  answered: boolean;
}

interface Command {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly inTransaction?: boolean;
  [LOOKUP]?: PendingLookup | null;
}

interface CommandPrototype extends Command {
  initPromise(this: Command): void;
  transformReply(this: Command, ...args: unknown[]): unknown;
}

/**
 * Look-ups through `ioredis` 5 and 6, pipelines, `multi` in a pipeline, auto-pipelining and clusters included: commands are
 * observed as they are made, with the keys as the app writes them (before `keyPrefix`), and as their replies are decoded.
 * The library's own channels are not used: listening to them silences rejections nobody handles.
 */
export const ioredis: Instrumentation = {
  name: 'ioredis',
  start: (agent) => onModuleLoad('ioredis/built/Command.js', (exports) => observeCommands(exports, agent)),
};

function observeCommands(exports: unknown, agent: Agent): (() => void) | undefined {
  const { default: Command } = exports as { readonly default?: { readonly prototype?: CommandPrototype } };
  const prototype = Command?.prototype;
  if (typeof prototype?.initPromise !== 'function' || typeof prototype.transformReply !== 'function') {
    return undefined;
  }
  const caches = agent.settings.caches;
  const tell = (command: Command, reply: unknown) => {
    const lookup = command[LOOKUP];
    if (!lookup || lookup.answered || isQueued(command, reply)) return;
    lookup.answered = true;
    readOutcomes(lookup.command, lookup.asked, reply, (name, hit) =>
      agent.cacheLookup(name, hit, lookup.work),
    );
  };
  const undos = [
    replaceMethod(prototype, 'initPromise', (initPromise) => {
      return function observedInit() {
        initPromise.call(this);
        if (this[LOOKUP] !== undefined) return;
        const command = this.name.toLowerCase();
        const asked = askedCaches(command, this.args, 0, caches);
        if (asked === undefined || outerLookup() !== undefined) return;
        this[LOOKUP] = { command, asked, work: currentContext() ?? null, answered: false };
      };
    }),
    replaceMethod(prototype, 'transformReply', (transformReply) => {
      return function observedReply(...args) {
        tell(this, args[0]);
        return Reflect.apply(transformReply, this, args);
      };
    }),
  ];
  return () => {
    for (const undo of undos) undo();
  };
}

/** Inside a transaction the first reply only says that the command waits; the result comes with that of `EXEC`. */
function isQueued({ inTransaction }: Command, reply: unknown): boolean {
  return inTransaction === true && String(reply) === 'QUEUED';
}
