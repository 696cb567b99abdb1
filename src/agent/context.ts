import { AsyncLocalStorage } from 'node:async_hooks';
import type { Attribution } from '../core/event.ts';
import { newTraceId } from '../ids.ts';

/** Who the surrounding work is for. */
export interface User {
  readonly email?: string | undefined;
  readonly department?: string | undefined;
}

/** What a RAG query in progress lets inner work tell it. */
export interface RagScope {
  /** A look-up of the named cache happened inside the query. */
  sawCacheLookup(cacheName: string, hit: boolean): void;
}

/**
 * The piece of work that asynchronous code belongs to: an HTTP request, a WebSocket session, a RAG query, or what
 * `withUser` spans. A child inherits trace and user; `setUser` reaches the whole piece of work, its event included.
 */
export class WorkContext {
  readonly #parent: WorkContext | undefined;
  readonly #ragScope: RagScope | undefined;
  #traceId: string | null;
  #user: User | undefined;
  /** Set by a framework's instrumentation: the template of the route that matched. */
  route: string | undefined;

  constructor(
    options: {
      readonly parent?: WorkContext | undefined;
      readonly traceId?: string | null;
      readonly user?: User;
      readonly ragScope?: RagScope;
    } = {},
  ) {
    this.#parent = options.parent;
    this.#traceId = options.traceId ?? null;
    this.#user = options.user;
    this.#ragScope = options.ragScope;
  }

  /** The trace this work belongs to; made on first use where nobody upstream named one. */
  get traceId(): string {
    this.#traceId ??= this.#parent?.traceId ?? newTraceId();
    return this.#traceId;
  }

  get user(): User | undefined {
    return this.#user ?? this.#parent?.user;
  }

  get ragScope(): RagScope | undefined {
    return this.#ragScope ?? this.#parent?.ragScope;
  }

  /** The outermost work: the request or session itself. */
  get root(): WorkContext {
    return this.#parent?.root ?? this;
  }

  setUser(user: User): void {
    this.#user = user;
  }
}

const storage = new AsyncLocalStorage<WorkContext>();

/** The work the calling code belongs to, if any. */
export function currentContext(): WorkContext | undefined {
  return storage.getStore();
}

/** Runs `fn` as part of `context`. */
export function runInContext<T>(context: WorkContext, fn: () => T): T {
  return storage.run(context, fn);
}

/** Makes `context` current for the rest of the calling asynchronous resource; for hooks that wrap no function. */
export function enterContext(context: WorkContext): void {
  storage.enterWith(context);
}

const NOBODY: Attribution = { traceId: null, userEmail: null, department: null };

/** Trace and user of some work, as an event carries them. */
export function attributionOf(context: WorkContext | undefined): Attribution {
  if (context === undefined) return NOBODY;
  const user = context.user;
  return { traceId: context.traceId, userEmail: user?.email ?? null, department: user?.department ?? null };
}
