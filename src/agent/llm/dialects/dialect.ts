import { tokenCount } from '../../../core/llm/token-counts.ts';
import type { BilledUnits, TokenUsage } from '../../../core/llm/usage.ts';
import type { Found, Wanted } from '../reader/json-scanner.ts';
import type { RawUsage } from '../tokens/raw-usage.ts';
import type { PathMatcher } from './paths.ts';

/** What one response body, or one event of a stream, says about the call. Nothing in it is trusted. */
export interface Facts {
  readonly model: unknown;
  readonly usage: RawUsage | null;
  /** The usage is only the beginning of the count; more comes later in the stream. Of a body that is no stream it is all. */
  readonly provisional: boolean;
  /** The provider says the call failed. */
  readonly failed: boolean;
  /** Codes, types and status words of the error, the most telling first. */
  readonly errors: readonly unknown[];
  /** The provider's own words for the failure, which may quote the prompt. */
  readonly errorMessage: unknown;
  /** Why the model stopped, in the provider's word. */
  readonly finishReason: unknown;
  /** The tier the provider says it served. */
  readonly serviceTier: unknown;
  /** The answer says only that the work has begun; what comes of it is to be asked for under this id. */
  readonly pendingId: unknown;
  /** The body is one that only this dialect gives: asked where host and path prove nothing (`Dialect.answerMustTell`). */
  readonly telling: boolean;
}

/** Of a body that says nothing. */
export const NO_FACTS: Facts = {
  model: undefined,
  usage: null,
  provisional: false,
  failed: false,
  errors: [],
  errorMessage: undefined,
  finishReason: undefined,
  serviceTier: undefined,
  pendingId: undefined,
  telling: false,
};

/** How events of a stream are told apart without parsing each: patterns over the event's text. */
export interface StreamPatterns {
  /** The event carries content: text, reasoning, or part of a tool call. */
  readonly content: RegExp;
  /** The event carries model, usage, finish reason or an error and is worth reading. */
  readonly facts: RegExp;
  /** After this event nothing more comes; `null` when the connection's end is all there is. */
  readonly end: RegExp | null;
}

/**
 * One way of talking to a model over HTTP, whoever the provider and whatever the SDK. Adding one is one file with one of
 * these and one line in `index.ts`. What is not billed (counting tokens, handing in a batch) is no call: no path matches it.
 */
export interface Dialect {
  readonly name: string;
  /** `gen_ai.operation.name`. */
  readonly operation: string;
  /**
   * Provider id of a server on this machine that speaks the dialect: a stub, a proxy, a local model. `null`: many servers
   * speak it, and the dialect does not tell whose this one is.
   */
  readonly localProvider: string | null;
  readonly matchPath: PathMatcher;
  /** A request header that only this dialect knows. */
  readonly header: string | null;
  /** The only provider whose hosts prove a call; `null`: those of all providers do, and the SDKs' common header too. */
  readonly onlyProvider: string | null;
  /** Top-level keys a request must have besides the model where host, path and headers prove nothing. */
  readonly requestKeys: readonly string[];
  /** Where nothing else proves it, the answer has to be telling too: the path is one that other APIs have. */
  readonly answerMustTell: boolean;
  /** Answers are streamed unless the request says `"stream": false`. */
  readonly streamsByDefault: boolean;
  /** What of response bodies and stream events is worth reading. */
  readonly wanted: Wanted;
  readonly stream: StreamPatterns | null;
  read(found: Found): Facts;
  /** What the response's headers say; what the body says later counts more. */
  readonly readHeaders: ((header: (name: string) => string | null) => Facts) | null;
  /** Combines what a stream says at several places; the later one counts. */
  mergeUsage(before: RawUsage, after: RawUsage): RawUsage;
  countTokens(usage: RawUsage): TokenUsage | null;
  /** The provider's own total, which the buckets must add up to; `null` when it gives none. */
  totalTokens(usage: RawUsage): number | null;
  /** What is billed besides tokens; `null`: nothing, or nobody says. */
  billedUnits(usage: RawUsage): BilledUnits | null;
}

/** The later usage replaces the earlier one. */
export const lastUsage = (_before: RawUsage, after: RawUsage): RawUsage => after;

/** What most dialects have in common; a dialect starts from it and says where it differs. */
export const COMMON_DIALECT = {
  header: null,
  onlyProvider: null,
  answerMustTell: false,
  streamsByDefault: false,
  stream: null,
  readHeaders: null,
  mergeUsage: lastUsage,
  totalTokens: (usage: RawUsage) => tokenCount(usage['total_tokens']),
  billedUnits: () => null,
} as const satisfies Partial<Dialect>;

/** `error` as nearly everybody sends it. */
export const WANTED_ERROR: Wanted = { code: 'value', type: 'value', message: 'value' };
