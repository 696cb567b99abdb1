import { VECTOR_SEARCH } from '../../core/signals/rag-query.ts';
import { KIB, type Milliseconds } from '../../core/units.ts';
import type { RagScope, SearchFound } from '../context/context.ts';
import { forgetMatchedText } from '../forget-matched-text.ts';
import type { Agent } from '../instrumentation.ts';
import { type BodyDecoder, bodyDecoder, giveText } from '../llm/body.ts';
import { JsonScanner } from '../llm/reader/json-scanner.ts';
import type { WireExchange } from '../wire/exchange.ts';
import type { MaybeSearch } from './stores.ts';

/** Longest match of a `VectorStore.asks`: so much of a piece is kept for one that the next piece ends. */
const ASKS_CHARS_MAX = 64;
/** A body that has not asked for a vector search after so much is taken for none. */
const REQUEST_CHARS_MAX = 1024 * KIB;

export interface VectorSearchOptions {
  readonly agent: Agent;
  /** The query that the search is part of. */
  readonly ragScope: RagScope;
  readonly search: MaybeSearch;
}

/** One vector search from its request to the end of its answer. It keeps a count and three numbers. */
export class VectorSearch implements WireExchange {
  readonly #options: VectorSearchOptions;
  readonly #answer: JsonScanner;
  #stageEnded: (() => void) | null = null;
  #tail = '';
  #sentChars = 0;
  #body: BodyDecoder | null = null;
  activeMs: Milliseconds;

  constructor(options: VectorSearchOptions) {
    this.#options = options;
    this.#answer = new JsonScanner(options.search.store.wanted);
    this.activeMs = options.agent.clock.monotonicMs();
    if (options.search.certain) this.#begin();
  }

  sent(chunk: Buffer): void {
    this.#active();
    if (this.#stageEnded === null && this.#sentChars < REQUEST_CHARS_MAX) {
      giveText(chunk, (piece) => this.#lookFor(piece));
    }
  }

  headers(statusCode: number, header: (name: string) => string | null): void {
    this.#active();
    this.#forget();
    const isJson = (header('content-type') ?? '').includes('json');
    if (this.#stageEnded === null || statusCode < 200 || statusCode > 299 || !isJson) return;
    this.#body = bodyDecoder((header('content-encoding') ?? '').trim(), {
      bytes: (piece) => giveText(piece, (text) => this.#answer.write(text)),
      // The time is known all the same.
      unreadable: (reason) => this.#options.agent.gaveUp(reason),
    });
  }

  received(chunk: Buffer): void {
    this.#active();
    this.#body?.write(chunk);
  }

  completed(): void {
    if (this.#stageEnded === null) return;
    this.#stageEnded();
    const tell = this.#options.ragScope.searchEnded();
    if (this.#body === null) tell(null);
    else this.#body.end(() => tell(this.#found()));
  }

  failed(): void {
    this.#forget();
    this.#stageEnded?.();
    this.#body?.end(forgetMatchedText);
  }

  #forget(): void {
    this.#tail = '';
    forgetMatchedText();
  }

  #begin(): void {
    this.#stageEnded = this.#options.ragScope.stageBegan(VECTOR_SEARCH);
  }

  #lookFor(piece: string): void {
    if (this.#stageEnded !== null) return;
    this.#sentChars += piece.length;
    const text = this.#tail + piece;
    if (this.#options.search.store.asks?.test(text) === true) this.#begin();
    this.#tail = this.#stageEnded === null ? text.slice(-ASKS_CHARS_MAX) : '';
  }

  #found(): SearchFound | null {
    forgetMatchedText();
    const results = this.#answer.complete ? this.#options.search.store.read(this.#answer.found) : null;
    return results === null ? null : { chunks: results.count, scores: results.scores };
  }

  #active(): void {
    this.activeMs = this.#options.agent.clock.monotonicMs();
  }
}
