import type { TokenUsage } from '../event.ts';
import type { Found, Wanted } from './json-scanner.ts';
import type { RawUsage } from './usage.ts';

/** What one response body, or one event of a stream, says about the call. */
export interface Facts {
  readonly model: unknown;
  readonly usage: RawUsage | null;
  /** The usage is only the beginning of the count; more comes later in the stream. */
  readonly provisional: boolean;
  /** The provider says the call failed. */
  readonly failed: boolean;
  /** Codes and types of the error, the most telling first. */
  readonly errors: readonly unknown[];
}

/** How events of a stream are told apart without parsing each: patterns over the event's text. */
export interface StreamPatterns {
  /** The event carries content: text, reasoning, or part of a tool call. */
  readonly content: RegExp;
  /** The event carries model, usage or an error and is worth reading. */
  readonly facts: RegExp;
  /** After this event nothing more comes. */
  readonly end: RegExp;
}

/**
 * One way of talking to a model over HTTP, whoever the provider and whatever the SDK. Adding one is one file with one of
 * these and one line in `index.ts`.
 */
export interface Dialect {
  readonly name: string;
  /** `gen_ai.operation.name`. */
  readonly operation: string;
  /** Provider id of a server on this machine that speaks the dialect: a stub, a proxy, a local model. */
  readonly localProvider: string;
  /** Endings of the path, with a leading slash. */
  readonly paths: readonly string[];
  /** Nobody but a model provider has such a path, on whatever host. */
  readonly pathIsEnough: boolean;
  /** A request header that only this dialect knows. */
  readonly header: string | null;
  /** Top-level keys a request must have besides `model` where host, path and headers prove nothing. */
  readonly requestKeys: readonly string[];
  /** What of response bodies and stream events is worth reading. */
  readonly wanted: Wanted;
  readonly stream: StreamPatterns | null;
  read(found: Found): Facts;
  /** Combines what a stream says at several places; the later one counts. */
  mergeUsage(before: RawUsage, after: RawUsage): RawUsage;
  countTokens(usage: RawUsage): TokenUsage | null;
}

/** The later usage replaces the earlier one. */
export const lastUsage = (_before: RawUsage, after: RawUsage): RawUsage => after;

/** `error` as nearly everybody sends it. Its message is never read: it may quote the prompt. */
export const WANTED_ERROR: Wanted = { code: 'value', type: 'value' };
