import { VECTOR_SEARCH } from '../../core/signals/rag-query.ts';
import { currentContext } from '../context/context.ts';
import { settled } from '../context/on-settled.ts';
import type { Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { isRedisVectorSearch, redisResults } from './redis-reply.ts';

/** Where a command of ioredis keeps how to end its stage. */
const SEARCH = Symbol('nervecenter.search');

/** What is called with the reply of a search, `null` when it failed. */
type Ended = (reply: unknown) => void;

interface Command {
  readonly name: string;
  readonly args: readonly unknown[];
  reject(error: unknown): void;
  [SEARCH]?: Ended;
}

interface CommandPrototype extends Command {
  initPromise(this: Command): void;
  transformReply(this: Command, ...args: unknown[]): unknown;
}

type AddCommand = (this: object, args: readonly unknown[], ...rest: unknown[]) => unknown;

/**
 * Vector searches of Redis (`FT.SEARCH` with KNN or a range, `FT.HYBRID`, `VSIM`) through `ioredis` 5 and 6 and `redis` 4
 * to 6, inside RAG queries. In a transaction, where a command has no reply of its own, they are not followed.
 */
export const redisSearch: Instrumentation = {
  name: 'redis-search',
  start() {
    const undos = [
      onModuleLoad('ioredis/built/Command.js', (exports) => watchCommands(exports)),
      onModuleLoad('@redis/client/dist/lib/client/commands-queue.js', (exports) => watchQueues(exports)),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  },
};

function watchCommands(exports: unknown): (() => void) | undefined {
  const { default: Command } = exports as { readonly default?: { readonly prototype?: CommandPrototype } };
  const prototype = Command?.prototype;
  if (typeof prototype?.initPromise !== 'function' || typeof prototype.transformReply !== 'function') {
    return undefined;
  }
  const undos = [
    replaceMethod(prototype, 'initPromise', (initPromise) => {
      return function observedInit() {
        initPromise.call(this);
        if (this[SEARCH] === undefined) watchCommand(this);
      };
    }),
    replaceMethod(prototype, 'transformReply', (transformReply) => {
      return function observedReply(...args) {
        this[SEARCH]?.(args[0]);
        return Reflect.apply(transformReply, this, args);
      };
    }),
  ];
  return () => {
    for (const undo of undos.reverse()) undo();
  };
}

function watchCommand(command: Command): void {
  const ended = begin(command.name, command.args);
  if (ended === undefined) return;
  const { reject } = command;
  command[SEARCH] = ended;
  command.reject = (error) => {
    ended(null);
    reject.call(command, error);
  };
}

function watchQueues(exports: unknown): (() => void) | undefined {
  const { default: Queue } = exports as {
    readonly default?: { readonly prototype?: { addCommand: AddCommand } };
  };
  const prototype = Queue?.prototype;
  if (typeof prototype?.addCommand !== 'function') return undefined;
  return replaceMethod(prototype, 'addCommand', (addCommand) => {
    return function observedAdd(args, ...rest) {
      if (currentContext()?.ragScope === undefined) return Reflect.apply(addCommand, this, [args, ...rest]);
      const [options] = rest as [{ readonly chainId?: symbol } | undefined];
      const ended = options?.chainId === undefined ? begin(args[0], args.slice(1)) : undefined;
      try {
        const answer = Reflect.apply(addCommand, this, [args, ...rest]);
        if (ended === undefined) return answer;
        if (answer instanceof Promise) return settled(answer, ended);
        ended(null);
        return answer;
      } catch (error) {
        ended?.(null);
        throw error;
      }
    };
  });
}

/** `undefined`: no search, or none of a RAG query. */
function begin(name: unknown, args: readonly unknown[]): Ended | undefined {
  const ragScope = currentContext()?.ragScope;
  if (ragScope === undefined) return undefined;
  const command = String(name).toLowerCase();
  if (!isRedisVectorSearch(command, args)) return undefined;
  const stageEnded = ragScope.stageBegan(VECTOR_SEARCH);
  let over = false;
  return (reply) => {
    if (over) return;
    over = true;
    stageEnded();
    const results = reply === null ? null : redisResults(command, args, reply);
    ragScope.searchEnded()(results === null ? null : { chunks: results.count, scores: results.scores });
  };
}
