import { AsyncLocalStorage } from 'node:async_hooks';
import { type Attribution, spanIdOf } from '../../core/event.ts';
import { newEventId, newTraceId } from '../../platform/ids.ts';
import { activeSpan } from './app-trace.ts';

/** Who the surrounding work is for. */
export interface User {
  readonly email?: string | undefined;
  readonly department?: string | undefined;
}

/** What a RAG query in progress lets inner work tell it. */
export interface RagScope {
  /** A look-up of the named cache happened inside the query. */
  sawCacheLookup(cacheName: string, hit: boolean): void;
  /**
   * Work begins that is a stage by its kind. Inside a stage that the app named itself it is part of that one.
   *
   * @returns to be called when the work ends; a second call changes nothing.
   */
  stageBegan(stage: string): () => void;
  /** Runs a retriever: a vector search but for the stages that are seen inside it. */
  retriever<T>(fn: () => T): T;
  /**
   * A vector search has ended, and its answer is being read. The query's event waits for it.
   *
   * @returns to be called once with what was found, `null` when the answer does not say.
   */
  searchEnded(): (found: SearchFound | null) => void;
  /** What a retriever gave counts, whatever the searches inside it found; but for scores, where it gives none. */
  retrieved(found: SearchFound): void;
}

/** What a vector search or a retriever found; the last one of a query counts. */
export interface SearchFound {
  readonly chunks: number;
  /** Scores of the results as the store or the retriever gives them, `null` when it gives distances or nothing. */
  readonly scores: { readonly top: number; readonly average: number } | null;
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
  readonly #partOfParent: boolean;
  readonly #isEvent: boolean;
  readonly #parentSpanId: string | null;
  #eventId: string | undefined;
  /** Set by a framework's instrumentation: the template of the route that matched. */
  route: string | undefined;

  constructor(
    options: {
      readonly parent?: WorkContext | undefined;
      readonly traceId?: string | null;
      readonly user?: User;
      readonly ragScope?: RagScope;
      /** It is no work of its own: whom it is for is said of its parent. */
      readonly partOfParent?: boolean;
      /** It becomes an event when it is over. */
      readonly isEvent?: boolean;
      /** The span it began in, where that is none of its parent's. */
      readonly parentSpanId?: string | null;
    } = {},
  ) {
    this.#parent = options.parent;
    this.#traceId = options.traceId ?? null;
    this.#user = options.user;
    this.#ragScope = options.ragScope;
    this.#partOfParent = options.partOfParent ?? false;
    this.#isEvent = options.isEvent ?? false;
    this.#parentSpanId = options.parentSpanId ?? null;
  }

  /** The trace this work belongs to; where nobody upstream named one, on first use the app's own, or a new one. */
  get traceId(): string {
    this.#traceId ??= this.#parent?.traceId ?? activeSpan()?.traceId ?? newTraceId();
    return this.#traceId;
  }

  /** The id of the event that this work becomes: made once, when somebody asks first. @param timeMs now */
  eventId(timeMs: number): string {
    this.#eventId ??= newEventId(timeMs);
    return this.#eventId;
  }

  /** The span that what happens in this work is in; `null` where it is in no event. */
  get spanId(): string | null {
    if (this.#isEvent) return spanIdOf(this.eventId(Date.now()));
    return this.#parent?.spanId ?? null;
  }

  /** The span that this work itself is in. */
  get parentSpanId(): string | null {
    return this.#parentSpanId ?? this.#parent?.spanId ?? null;
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
    if (this.#partOfParent && this.#parent !== undefined) this.#parent.setUser(user);
    else this.#user = user;
  }

  /** Some of this work is for `user`: the request or session around it is, too, where nobody has said whom it is for. */
  workedFor(user: User): void {
    const isKnown = user.email !== undefined || user.department !== undefined;
    if (isKnown && this.user === undefined) this.root.setUser(user);
  }
}

const storage = new AsyncLocalStorage<WorkContext | undefined>();

/** The work the calling code belongs to, if any. */
export function currentContext(): WorkContext | undefined {
  return storage.getStore();
}

/** Runs `fn` as part of `context`; `undefined`: of no work. */
export function runInContext<T>(context: WorkContext | undefined, fn: () => T): T {
  return storage.run(context, fn);
}

/** Makes `context` current for the rest of the calling asynchronous resource; for hooks that wrap no function. */
export function enterContext(context: WorkContext): void {
  storage.enterWith(context);
}

/**
 * The trace of what begins now as part of `context`: that of the span which the app's own OpenTelemetry SDK has active,
 * else the work's; `null` outside of both.
 */
export function traceIdNow(context: WorkContext | undefined): string | null {
  // Asked first, so that work which has no trace yet takes the app's.
  const ofWork = context?.traceId ?? null;
  return activeSpan()?.traceId ?? ofWork;
}

/** The span of what begins now as part of `context`, likewise. */
export function parentSpanIdNow(context: WorkContext | undefined): string | null {
  return activeSpan()?.spanId ?? context?.spanId ?? null;
}

const NOBODY: Attribution = { traceId: null, userEmail: null, department: null };

/** Trace and user of some work, as the event of what happened in it carries them. */
export function attributionOf(context: WorkContext | undefined): Attribution {
  return context === undefined ? NOBODY : { ...attributionAs(context), ...within(context.spanId) };
}

/** Likewise, as the event carries them that the work itself becomes. */
export function attributionAs(context: WorkContext): Attribution {
  const { traceId, user, parentSpanId } = context;
  return {
    traceId,
    userEmail: user?.email ?? null,
    department: user?.department ?? null,
    ...within(parentSpanId),
  };
}

/** A span that something is in, as an event has it; nothing where it is in none. */
export function within(parentSpanId: string | null): Pick<Attribution, 'parentSpanId'> {
  return parentSpanId === null ? {} : { parentSpanId };
}
