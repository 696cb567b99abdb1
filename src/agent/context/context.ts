import { AsyncLocalStorage } from 'node:async_hooks';
import { type Attribution, spanIdOf } from '../../core/event.ts';
import type { IdSeed } from '../../core/records/request-record.ts';
import { eventIdOf, newEventId, newIdSeed, newTraceId, traceIdOf } from '../../platform/ids.ts';
import { activeSpan, type ContextLike, continuesTraceparent, enteredContext } from './app-trace.ts';
import type { Caller, Headers } from './traceparent.ts';

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
  /** It is one trace itself. */
  readonly keepsTrace: boolean;
  #parentSpanId: string | null;
  #sampled: boolean | undefined;
  /** Its caller's trace is one that the app's own tracer does not go on in: that tracer's counts, where it has a span here. */
  #yields: boolean;
  /** The app's context that it began in, where the SDK is ours. */
  readonly beganIn: ContextLike | undefined;
  /** Of the request that it is, for what else they say of its caller. */
  readonly headers: Headers | undefined;
  #eventId: string | undefined;
  #seed: IdSeed | undefined;
  #toldMs = 0;
  #isToldBySeed = false;
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
      /** What happens in it is in its trace, whatever spans of the app's own that happens in. */
      readonly isOneTrace?: boolean;
      /** The span it began in, where that is none of its parent's. */
      readonly parentSpanId?: string | null;
      /** Whether that span is recorded; left out where nobody has decided yet. */
      readonly sampled?: boolean | undefined;
      readonly headers?: Headers;
    } = {},
  ) {
    this.#parent = options.parent;
    this.#traceId = options.traceId ?? null;
    this.#user = options.user;
    this.#ragScope = options.ragScope;
    this.#partOfParent = options.partOfParent ?? false;
    this.#isEvent = options.isEvent ?? false;
    this.keepsTrace = options.isOneTrace ?? false;
    this.#yields =
      this.keepsTrace && options.headers !== undefined && this.#traceId !== null && !continuesTraceparent();
    this.#parentSpanId = options.parentSpanId ?? null;
    this.#sampled = options.sampled;
    this.headers = options.headers;
    this.beganIn = this.#isEvent ? enteredContext() : undefined;
  }

  /** What an HTTP request is: part of its caller's trace, in the caller's span. */
  static ofRequest(caller: Caller | null, headers: Headers): WorkContext {
    return new WorkContext({
      traceId: caller === null ? null : caller.traceId,
      parentSpanId: caller === null ? null : caller.spanId,
      sampled: caller === null ? undefined : caller.sampled,
      headers,
      isEvent: true,
      isOneTrace: true,
    });
  }

  /** The trace this work belongs to; where nobody upstream named one, on first use the app's own, or a new one. */
  get traceId(): string {
    if (this.#yields) this.#yield();
    this.#traceId ??=
      this.#parent?.traceId ?? (this.#isToldBySeed ? null : activeSpan()?.traceId) ?? this.#newTraceId();
    return this.#traceId;
  }

  /** The same, unless nobody has named or asked for one: then one is made of the seed where it is written. */
  get knownTraceId(): string | undefined {
    if (this.#yields) this.#yield();
    this.#traceId ??= this.#parent?.traceId ?? activeSpan()?.traceId ?? null;
    return this.#traceId ?? undefined;
  }

  /** What the ids are made of that are not known as the work is told: who asks for them later gets the same. */
  seedOf(timeMs: number): IdSeed {
    this.#isToldBySeed = this.#traceId === null;
    this.#toldMs = timeMs;
    this.#seed = newIdSeed();
    return this.#seed;
  }

  #newTraceId(): string {
    return this.#seed === undefined ? newTraceId(Date.now()) : traceIdOf(this.#seed, this.#toldMs);
  }

  /** The id of the event that this work becomes, if somebody has asked for it. */
  get knownEventId(): string | undefined {
    return this.#eventId;
  }

  /** The id of the event that this work becomes: made once, when somebody asks first. @param timeMs now */
  eventId(timeMs: number): string {
    this.#eventId ??= this.#seed === undefined ? newEventId(timeMs) : eventIdOf(this.#seed, this.#toldMs);
    return this.#eventId;
  }

  /** The span that what happens in this work is in; `null` where it is in no event. */
  get spanId(): string | null {
    if (this.#isEvent) return spanIdOf(this.eventId(Date.now()));
    return this.#parent?.spanId ?? null;
  }

  /** The span that this work itself is in. */
  get parentSpanId(): string | null {
    if (this.#yields) this.#yield();
    return this.#parentSpanId ?? this.#parent?.spanId ?? null;
  }

  /** Whether its trace is recorded, as far as that is decided by whoever it began in. */
  get sampled(): boolean | undefined {
    if (this.#yields) this.#yield();
    return this.#sampled ?? this.#parent?.sampled;
  }

  /** Whether what happens in it stays in its trace. */
  get isOneTrace(): boolean {
    return this.event?.keepsTrace === true;
  }

  /** The innermost work that becomes an event: itself, or what it is part of. */
  get event(): WorkContext | undefined {
    return this.#isEvent ? this : this.#parent?.event;
  }

  /** The event that this event is part of. */
  get outerEvent(): WorkContext | undefined {
    const event = this.event;
    return event === undefined ? undefined : event.#parent?.event;
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

  #yield(): void {
    this.#yields = false;
    const active = activeSpan();
    if (active === null || active.traceId === this.#traceId) return;
    this.#traceId = active.traceId;
    this.#sampled = active.sampled;
    this.#parentSpanId = null; // The caller's span is in the other trace.
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

/** What a request is to its caller: part of the caller's trace, in its span. */
export function calledBy(caller: Caller | null, headers: Headers) {
  const { traceId = null, spanId: parentSpanId = null, sampled } = caller ?? {};
  return { traceId, parentSpanId, sampled, headers };
}

/**
 * Where what begins now as part of `context` belongs: to the trace and in the span which the app's own OpenTelemetry SDK has
 * active, else those of the work; `null` outside of both. What begins in a request or a query is in its one trace: in a span
 * of the app's that is in another, it belongs to the work alone.
 */
export function placeNow(
  context: WorkContext | undefined,
): Required<Pick<Attribution, 'traceId' | 'parentSpanId'>> & { readonly sampled: boolean | undefined } {
  // Asked first, so that work which has no trace yet takes the app's.
  const ofWork = context?.traceId ?? null;
  const active = activeSpan();
  const isElsewhere = active !== null && context?.isOneTrace === true && active.traceId !== ofWork;
  if (isElsewhere) return { traceId: ofWork, parentSpanId: context.spanId, sampled: context.sampled };
  // What began in that span is further inside.
  if (active === null || active.spanId === context?.event?.parentSpanId) {
    return {
      traceId: active?.traceId ?? ofWork,
      parentSpanId: context?.spanId ?? active?.spanId ?? null,
      sampled: active?.sampled ?? context?.sampled,
    };
  }
  return { traceId: active.traceId, parentSpanId: active.spanId, sampled: active.sampled };
}

const NOBODY: Attribution = { traceId: null, userEmail: null, department: null };

/** Trace and user of some work, as the event of what happened in it carries them. */
export function attributionOf(context: WorkContext | undefined): Attribution {
  return context === undefined ? NOBODY : { ...attributionAs(context), ...within(context.spanId) };
}

/** Likewise, as the event carries them that the work itself becomes. */
export function attributionAs(context: WorkContext): Attribution {
  const { traceId, user, parentSpanId, sampled } = context;
  return {
    traceId,
    userEmail: user?.email ?? null,
    department: user?.department ?? null,
    ...within(parentSpanId, sampled),
  };
}

/** A span that something is in, and whether that is recorded, as an event has it; nothing of what is not known. */
export function within(
  parentSpanId: string | null,
  sampled?: boolean | undefined,
): Pick<Attribution, 'parentSpanId' | 'sampled'> {
  return {
    ...(parentSpanId === null ? {} : { parentSpanId }),
    ...(sampled === undefined ? {} : { sampled }),
  };
}
