import type { Agent, Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { asLookup, outerLookup } from './lookup.ts';
import { type Asked, askedCaches, readOutcomes } from './redis-reads.ts';

type AddCommand = (
  this: object,
  args: readonly unknown[],
  options?: { readonly chainId?: symbol },
) => Promise<unknown>;

interface QueuePrototype {
  addCommand: AddCommand;
}

interface QueuedRead {
  readonly command: string;
  readonly asked: Asked;
}

/** The look-ups of a `MULTI`, by their place in it; the replies come with that of `EXEC`. */
interface Transaction {
  readonly chainId: symbol;
  readonly reads: (QueuedRead | undefined)[];
}

interface ClientCachePrototype {
  handleCache(
    this: object,
    client: unknown,
    parser: { readonly redisArgs?: readonly unknown[] },
    ...rest: unknown[]
  ): Promise<unknown>;
}

/**
 * Look-ups through `redis` 4, 5 and 6 (node-redis), with the keys as Redis sees them: where commands are queued, which
 * pipelines, `multi`, pools and clusters do too, and in the client-side cache, which answers without the server.
 */
export const redis: Instrumentation = {
  name: 'redis',
  start(agent) {
    const reads = new QueuedReads(agent);
    const undos = [
      onModuleLoad('@redis/client/dist/lib/client/commands-queue.js', (exports) =>
        observeQueues(exports, reads),
      ),
      onModuleLoad('@redis/client/dist/lib/client/cache.js', (exports) => observeClientCache(exports, reads)),
    ];
    return () => {
      for (const undo of undos) undo();
    };
  },
};

function observeQueues(exports: unknown, reads: QueuedReads): (() => void) | undefined {
  const { default: Queue } = exports as { readonly default?: { readonly prototype?: QueuePrototype } };
  const prototype = Queue?.prototype;
  if (typeof prototype?.addCommand !== 'function') return undefined;
  return replaceMethod(prototype, 'addCommand', (addCommand) => {
    return function observedAdd(args, options) {
      const answer = Reflect.apply(addCommand, this, [args, options]);
      const told = Array.isArray(args) ? reads.of(this, args, options?.chainId) : undefined;
      if (told === undefined || !(answer instanceof Promise)) return answer;
      // Handed on instead of the queue's own promise, so that a rejection nobody handles is still one.
      return answer.then((reply) => {
        told(reply);
        return reply;
      });
    };
  });
}

function observeClientCache(exports: unknown, reads: QueuedReads): (() => void) | undefined {
  const { BasicClientSideCache } = exports as {
    readonly BasicClientSideCache?: { readonly prototype?: ClientCachePrototype };
  };
  const prototype = BasicClientSideCache?.prototype;
  if (typeof prototype?.handleCache !== 'function') return undefined;
  return replaceMethod(prototype, 'handleCache', (handleCache) => {
    return function observedCache(client, parser, ...rest) {
      const ask = () => Reflect.apply(handleCache, this, [client, parser, ...rest]);
      const told = Array.isArray(parser?.redisArgs) ? reads.of(this, parser.redisArgs, undefined) : undefined;
      return told === undefined ? ask() : asLookup(ask, told);
    };
  });
}

type Told = (reply: unknown) => void;

/** Knows which queued commands are look-ups. Holds at most one open transaction per connection. */
class QueuedReads {
  readonly #agent: Agent;
  readonly #transactions = new WeakMap<object, Transaction>();

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** What to tell the reply of a command to, `undefined` where nobody waits for it. */
  of(queue: object, args: readonly unknown[], chainId: symbol | undefined): Told | undefined {
    const command = commandOf(args);
    const read = this.#readOf(command, args);
    if (chainId === undefined) return read && ((reply) => this.#tell(read, reply));
    if (command === 'multi') {
      this.#transactions.set(queue, { chainId, reads: [] });
      return undefined;
    }
    const transaction = this.#transactions.get(queue);
    if (transaction?.chainId !== chainId) return read && ((reply) => this.#tell(read, reply));
    if (command !== 'exec') {
      transaction.reads.push(read);
      return undefined;
    }
    this.#transactions.delete(queue);
    return transaction.reads.some(Boolean) ? (reply) => this.#tellAll(transaction, reply) : undefined;
  }

  #readOf(command: string, args: readonly unknown[]): QueuedRead | undefined {
    const asked = askedCaches(command, args, 1, this.#agent.settings.caches);
    return asked === undefined || outerLookup() !== undefined ? undefined : { command, asked };
  }

  #tell({ command, asked }: QueuedRead, reply: unknown): void {
    if (reply instanceof Error) return;
    readOutcomes(command, asked, reply, (name, hit) => this.#agent.cacheLookup(name, hit));
  }

  #tellAll({ reads }: Transaction, replies: unknown): void {
    if (!Array.isArray(replies)) return;
    for (const [at, read] of reads.entries()) if (read !== undefined) this.#tell(read, replies[at]);
  }
}

function commandOf([command]: readonly unknown[]): string {
  return typeof command === 'string' || Buffer.isBuffer(command) ? String(command).toLowerCase() : '';
}
