import { errorType } from '../../core/llm/labels.ts';
import { normalQuery } from '../../core/rag/normal-query.ts';
import { UNFINISHED } from '../../core/signals/request.ts';
import { milliseconds } from '../../core/units.ts';
import { nodeCrypto } from '../../platform/builtins.ts';
import { Input } from '../api/input.ts';
import {
  attributionAs,
  currentContext,
  placeNow,
  runInContext,
  type User,
  WorkContext,
} from '../context/context.ts';
import { onSettled } from '../context/on-settled.ts';
import { forgetMatchedText } from '../forget-matched-text.ts';
import { ActiveQuery, type RagDependencies } from './active-query.ts';
import { opened } from './open-queries.ts';

/** What is known of a query before it runs. */
export interface RagQueryAttributes {
  /** The question. Only the SHA-256 of its normal form is kept, never the text. */
  readonly query?: string | undefined;
  readonly userEmail?: string | undefined;
  readonly department?: string | undefined;
}

/** What a query found. All optional; what is not told is not stored. */
export interface RagQueryResult {
  /** @default what the last vector search that was seen found */
  readonly chunksRetrieved?: number | undefined;
  readonly chunksUsed?: number | undefined;
  /** Whether the answer came from a cache; leave out when no cache was asked. */
  readonly cacheHit?: boolean | undefined;
  readonly embeddingCacheHit?: boolean | undefined;
  /** @default that of the first result of the last vector search, where its store gives scores and not distances */
  readonly topScore?: number | undefined;
  /** @default as `topScore`, over all results */
  readonly avgScore?: number | undefined;
  readonly threshold?: number | undefined;
}

/** A query in progress. */
export interface RagQuery {
  /**
   * Runs one stage and adds its time to the stage's. Stages of the specification: `embedding`, `vector_search`, `rerank`;
   * others such as `generation` are as good. Calls that nervecenter sees inside are part of it. Of a moment in which several
   * stages run each has an equal share, so that all together are never more than the query. What `fn` returns or throws
   * passes through unchanged; a query builder, or a provider's own promise, ends the stage when the app has awaited it.
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

/** SHA-256 of a query's normal form, in hex. */
export function queryHash(text: string): string {
  const normal = normalQuery(text);
  forgetMatchedText();
  return nodeCrypto().createHash('sha256').update(normal).digest('hex');
}

/** Runs `fn` as one RAG query: timed, bound to its context, one event at the end. An exception is recorded and rethrown. */
export function runRagQuery<T>(
  { agent, stageNames, onInvalid }: RagDependencies,
  attributes: RagQueryAttributes,
  fn: (query: RagQuery) => T,
): T {
  const input = new Input('ragQuery', attributes, onInvalid);
  const text = input.wholeText('query');
  const query = new ActiveQuery({ agent, stageNames, onInvalid });
  const parent = currentContext();
  const context = new WorkContext({
    parent,
    ...placeNow(parent),
    isEvent: true,
    isOneTrace: true,
    ragScope: query.scope,
    ...user(input),
  });
  const startedMs = agent.clock.monotonicMs();
  const ended = (outcome: 'ok' | 'error', errorType: string | null) => {
    forget();
    const endedMs = agent.clock.monotonicMs();
    const timeMs = agent.clock.epochMs();
    // Now: what its searches found may come later, when the work is for somebody else.
    const attribution = attributionAs(context);
    const hash = text === null ? null : queryHash(text);
    query.close(endedMs, (found) =>
      agent.emit({
        signal: 'rag-query',
        id: context.eventId(timeMs),
        timeMs,
        durationMs: milliseconds(endedMs - startedMs),
        ...attribution,
        ...found,
        queryHash: hash,
        outcome,
        errorType,
      }),
    );
  };
  const forget = opened(agent, () => ended('error', UNFINISHED));
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
