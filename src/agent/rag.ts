import { createHash } from 'node:crypto';
import type { RagQueryEvent } from '../core/event.ts';
import { errorType } from '../core/llm/labels.ts';
import { EMBEDDING } from '../core/signals/rag-query.ts';
import { type Milliseconds, milliseconds } from '../core/units.ts';
import { newEventId } from '../ids.ts';
import type { Agent } from './agent.ts';
import {
  attributionOf,
  currentContext,
  type RagScope,
  runInContext,
  type User,
  WorkContext,
} from './context.ts';
import { COUNT_MAX, Input, type OnInvalid } from './input.ts';
import type { StageNames } from './stage-names.ts';

/** What is known of a query before it runs. */
export interface RagQueryAttributes {
  /** The question. Only the SHA-256 of its normal form is kept, never the text. */
  readonly query?: string | undefined;
  readonly userEmail?: string | undefined;
  readonly department?: string | undefined;
}

/** What a query found. All optional; what is not told is not stored. */
export interface RagQueryResult {
  readonly chunksRetrieved?: number | undefined;
  readonly chunksUsed?: number | undefined;
  /** Whether the answer came from a cache; leave out when no cache was asked. */
  readonly cacheHit?: boolean | undefined;
  readonly embeddingCacheHit?: boolean | undefined;
  readonly topScore?: number | undefined;
  readonly avgScore?: number | undefined;
  readonly threshold?: number | undefined;
}

/** A query in progress. */
export interface RagQuery {
  /**
   * Runs one stage and adds its time to the stage's. Stages of the specification: `embedding`, `vector_search`, `rerank`;
   * others such as `generation` are as good. What `fn` returns or throws passes through unchanged.
   */
  stage<T>(name: string, fn: () => T): T;
  /** Tells what was found; a later call adds to an earlier one. */
  result(result: RagQueryResult): void;
}

/** The query an app gets when nervecenter is not loaded: it runs its stages and forgets. */
export const NO_QUERY: RagQuery = {
  stage: (_name, fn) => fn(),
  result: () => {},
};

const RAG_CACHE = 'rag';

/** Normal form of a query text before hashing: NFKC, trimmed, lower case, single spaces. */
export function queryHash(text: string): string {
  const normal = text.normalize('NFKC').trim().toLowerCase().replace(/\s+/gu, ' ');
  return createHash('sha256').update(normal).digest('hex');
}

/** Collects the stages and the result of one query. */
class ActiveQuery implements RagQuery, RagScope {
  readonly #agent: Agent;
  readonly #stageNames: StageNames;
  readonly #onInvalid: OnInvalid;
  readonly #stages = new Map<string, number>();
  readonly #seenLookups = new Map<string, boolean>();
  #result: RagQueryResult = {};

  constructor(agent: Agent, stageNames: StageNames, onInvalid: OnInvalid) {
    this.#agent = agent;
    this.#stageNames = stageNames;
    this.#onInvalid = onInvalid;
  }

  stage<T>(name: string, fn: () => T): T {
    const startedMs = this.#agent.clock.monotonicMs();
    const ended = () => {
      const stage = this.#stageNames.admit(name);
      const elapsed = this.#agent.clock.monotonicMs() - startedMs;
      this.#stages.set(stage, (this.#stages.get(stage) ?? 0) + elapsed);
    };
    return onSettled(fn, ended, ended);
  }

  result(result: RagQueryResult): void {
    try {
      if (typeof result === 'object' && result !== null) this.#result = { ...this.#result, ...result };
      else this.#onInvalid('ragQuery.result', 'argument', 'expected an object');
    } catch {
      this.#onInvalid('ragQuery.result', 'argument', 'could not be read'); // A getter of the app has thrown.
    }
  }

  sawCacheLookup(cacheName: string, hit: boolean): void {
    // A query that asks a cache several times had a hit when any of them was one.
    if (cacheName === RAG_CACHE || cacheName === EMBEDDING) {
      this.#seenLookups.set(cacheName, hit || this.#seenLookups.get(cacheName) === true);
    }
  }

  complete(): Omit<
    RagQueryEvent,
    | 'signal'
    | 'id'
    | 'timeMs'
    | 'durationMs'
    | 'traceId'
    | 'userEmail'
    | 'department'
    | 'queryHash'
    | 'outcome'
    | 'errorType'
  > {
    const input = new Input('ragQuery.result', this.#result, this.#onInvalid);
    return {
      stages: Object.fromEntries(this.#stages) as Record<string, Milliseconds>,
      chunksRetrieved: input.count('chunksRetrieved', COUNT_MAX),
      chunksUsed: input.count('chunksUsed', COUNT_MAX),
      cacheHit: this.#lookup(RAG_CACHE, input.boolean('cacheHit')),
      embeddingCacheHit: this.#lookup(EMBEDDING, input.boolean('embeddingCacheHit')),
      topScore: input.score('topScore'),
      avgScore: input.score('avgScore'),
      threshold: input.score('threshold'),
    };
  }

  /** A look-up told by the app counts as one, unless an instrumented cache was seen doing it: then it is counted already. */
  #lookup(cacheName: string, told: boolean | null): boolean | null {
    const seen = this.#seenLookups.get(cacheName);
    if (seen === undefined && told !== null) this.#agent.cacheLookup(cacheName, told);
    return told ?? seen ?? null;
  }
}

export interface RagDependencies {
  readonly agent: Agent;
  readonly stageNames: StageNames;
  readonly onInvalid: OnInvalid;
}

/** Runs `fn` as one RAG query: timed, bound to its context, one event at the end. An exception is recorded and rethrown. */
export function runRagQuery<T>(
  { agent, stageNames, onInvalid }: RagDependencies,
  attributes: RagQueryAttributes,
  fn: (query: RagQuery) => T,
): T {
  const input = new Input('ragQuery', attributes, onInvalid);
  const text = input.wholeText('query');
  const query = new ActiveQuery(agent, stageNames, onInvalid);
  const context = new WorkContext({ parent: currentContext(), ragScope: query, ...user(input) });
  const startedMs = agent.clock.monotonicMs();
  const ended = (outcome: 'ok' | 'error', errorType: string | null) => {
    const durationMs = milliseconds(agent.clock.monotonicMs() - startedMs);
    const timeMs = agent.clock.epochMs();
    agent.emit({
      signal: 'rag-query',
      id: newEventId(timeMs),
      timeMs,
      durationMs,
      ...attributionOf(context),
      ...query.complete(),
      queryHash: text === null ? null : queryHash(text),
      outcome,
      errorType,
    });
  };
  return runInContext(context, () =>
    onSettled(
      () => fn(query),
      () => ended('ok', null),
      (error) => ended('error', errorTypeOf(error)),
    ),
  );
}

function user(input: Input): { user?: User } {
  const email = input.text('userEmail') ?? undefined;
  const department = input.text('department') ?? undefined;
  return email === undefined && department === undefined ? {} : { user: { email, department } };
}

/** `error.type`: the name of the error's class; its message, or a name that is a sentence, may hold user data. */
function errorTypeOf(error: unknown): string {
  return (error instanceof Error ? errorType([error.name]) : null) ?? '_OTHER';
}

/** Calls `fn` and one of the others when it is done, synchronously or not; what it returns or throws passes through. */
function onSettled<T>(fn: () => T, done: () => void, failed: (error: unknown) => void): T {
  let value: T;
  try {
    value = fn();
  } catch (error) {
    failed(error);
    throw error;
  }
  if (value instanceof Promise && value.constructor !== Promise) {
    // A provider's own promise has methods of its own, so it is handed back as it is.
    value.then(done, failed);
    return value;
  }
  if (!isThenable(value)) {
    done();
    return value;
  }
  // A query builder runs each time `then` is called: it is called once, here, and the app awaits its promise.
  return Promise.resolve(value).then(
    (settled) => {
      done();
      return settled;
    },
    (error: unknown) => {
      failed(error);
      throw error;
    },
  ) as T;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
