import type { StageNames } from '../../core/rag/stage-names.ts';
import { type StageRun, StageTimes } from '../../core/rag/stage-times.ts';
import { EMBEDDING, type RagQueryEvent, VECTOR_SEARCH } from '../../core/signals/rag-query.ts';
import type { Milliseconds } from '../../core/units.ts';
import { COUNT_MAX, Input, type OnInvalid } from '../api/input.ts';
import {
  currentContext,
  type RagScope,
  runInContext,
  type SearchFound,
  WorkContext,
} from '../context/context.ts';
import { onSettled } from '../context/on-settled.ts';
import type { Agent } from '../instrumentation.ts';
import type { RagQuery, RagQueryResult } from './rag.ts';

export interface RagDependencies {
  readonly agent: Agent;
  readonly stageNames: StageNames;
  readonly onInvalid: OnInvalid;
}

/** What a query has to say at its end. */
export type QueryFindings = Pick<
  RagQueryEvent,
  | 'stages'
  | 'chunksRetrieved'
  | 'chunksUsed'
  | 'cacheHit'
  | 'embeddingCacheHit'
  | 'topScore'
  | 'avgScore'
  | 'threshold'
>;

const RAG_CACHE = 'rag';

/** Collects the stages and the result of one query: what the app says and what is seen. */
export class ActiveQuery implements RagQuery {
  readonly #to: RagDependencies;
  readonly #times = new StageTimes();
  readonly #seenLookups = new Map<string, boolean>();
  /** What work outside all stages tells. */
  readonly scope: RagScope = new StageScope(this, null);
  #result: RagQueryResult = {};
  #searched: SearchFound | null = null;
  /** Searches and retrievers that have ended, and which of them chunks and scores are of. */
  #ended = 0;
  #searchedAs = 0;
  #scoredAs = 0;
  /** Answers of vector searches that are still being inflated. */
  #unread = 0;
  #whenRead: (() => void) | null = null;

  constructor(dependencies: RagDependencies) {
    this.#to = dependencies;
  }

  stage<T>(name: string, fn: () => T): T {
    return this.run({ stage: name, isNamed: true }, fn);
  }

  /** Runs `fn` as a stage inside the one that the calling code belongs to. */
  run<T>({ stage, isNamed }: { readonly stage: string; readonly isNamed: boolean }, fn: () => T): T {
    const parent = currentContext();
    const scope = parent?.ragScope;
    const outer = scope instanceof StageScope && scope.query === this ? scope.run : null;
    const run = this.begin(stage, outer);
    const ended = () => this.end(run);
    const inside = { parent, partOfParent: true, ragScope: new StageScope(this, run, isNamed) };
    return runInContext(new WorkContext(inside), () => onSettled(fn, ended, ended));
  }

  begin(stage: string, outer: StageRun | null): StageRun {
    const { agent, stageNames } = this.#to;
    return this.#times.begin(stageNames.admit(stage), outer, agent.clock.monotonicMs());
  }

  end(run: StageRun): void {
    this.#times.end(run, this.#to.agent.clock.monotonicMs());
  }

  result(result: RagQueryResult): void {
    const { onInvalid } = this.#to;
    try {
      if (typeof result === 'object' && result !== null) this.#result = { ...this.#result, ...result };
      else onInvalid('ragQuery.result', 'argument', 'expected an object');
    } catch {
      onInvalid('ragQuery.result', 'argument', 'could not be read'); // A getter of the app has thrown.
    }
  }

  sawCacheLookup(cacheName: string, hit: boolean): void {
    // A query that asks a cache several times had a hit when any of them was one.
    if (cacheName === RAG_CACHE || cacheName === EMBEDDING) {
      this.#seenLookups.set(cacheName, hit || this.#seenLookups.get(cacheName) === true);
    }
  }

  searchEnded(): (found: SearchFound | null) => void {
    this.#unread++;
    const endedAs = ++this.#ended;
    return (found) => {
      if (found !== null) this.#answerRead(found, endedAs);
      if (--this.#unread > 0) return;
      this.#whenRead?.();
      this.#whenRead = null;
    };
  }

  retrieved({ chunks, scores }: SearchFound): void {
    this.#searchedAs = ++this.#ended;
    if (scores !== null) this.#scoredAs = this.#searchedAs;
    this.#searched = { chunks, scores: scores ?? this.#searched?.scores ?? null };
  }

  /** Answers are read in any order, also after the retriever around their searches has ended. */
  #answerRead(found: SearchFound, endedAs: number): void {
    if (endedAs <= this.#scoredAs) return;
    this.#scoredAs = endedAs;
    const chunks = endedAs > this.#searchedAs ? found.chunks : (this.#searched?.chunks ?? found.chunks);
    this.#searchedAs = Math.max(this.#searchedAs, endedAs);
    this.#searched = { chunks, scores: found.scores };
  }

  /** The query is over; `tell` hears what it found, once the answers of its searches are read. */
  close(endedMs: Milliseconds, tell: (findings: QueryFindings) => void): void {
    const stages = this.#times.close(endedMs);
    const findings = () => tell({ stages, ...this.#findings() });
    if (this.#unread === 0) findings();
    else this.#whenRead = findings;
  }

  #findings(): Omit<QueryFindings, 'stages'> {
    const input = new Input('ragQuery.result', this.#result, this.#to.onInvalid);
    const { chunks = null, scores = null } = this.#searched ?? {};
    return {
      chunksRetrieved: input.count('chunksRetrieved', COUNT_MAX) ?? chunks,
      chunksUsed: input.count('chunksUsed', COUNT_MAX),
      cacheHit: this.#lookup(RAG_CACHE, input.boolean('cacheHit')),
      embeddingCacheHit: this.#lookup(EMBEDDING, input.boolean('embeddingCacheHit')),
      topScore: input.score('topScore') ?? scores?.top ?? null,
      avgScore: input.score('avgScore') ?? scores?.average ?? null,
      threshold: input.score('threshold'),
    };
  }

  /** A look-up told by the app counts as one, unless an instrumented cache was seen doing it: then it is counted already. */
  #lookup(cacheName: string, told: boolean | null): boolean | null {
    const seen = this.#seenLookups.get(cacheName);
    if (seen === undefined && told !== null) this.#to.agent.cacheLookup(cacheName, told);
    return told ?? seen ?? null;
  }
}

/** What work inside one stage, or outside all of them, tells the query. */
class StageScope implements RagScope {
  readonly query: ActiveQuery;
  /** `null`: outside all stages. */
  readonly run: StageRun | null;
  /** The app named the stage itself: what is seen inside is part of it. */
  readonly #isNamed: boolean;

  constructor(query: ActiveQuery, run: StageRun | null, isNamed = false) {
    this.query = query;
    this.run = run;
    this.#isNamed = isNamed;
  }

  sawCacheLookup(cacheName: string, hit: boolean): void {
    this.query.sawCacheLookup(cacheName, hit);
  }

  stageBegan(stage: string): () => void {
    if (this.#isNamed) return () => {};
    const run = this.query.begin(stage, this.run);
    return () => this.query.end(run);
  }

  retriever<T>(fn: () => T): T {
    return this.#isNamed ? fn() : this.query.run({ stage: VECTOR_SEARCH, isNamed: false }, fn);
  }

  searchEnded(): (found: SearchFound | null) => void {
    return this.query.searchEnded();
  }

  retrieved(found: SearchFound): void {
    this.query.retrieved(found);
  }
}
