import type { Dialect } from '../../../../../src/agent/llm/dialects/dialect.ts';
import type { tokenUsage } from '../../../../../src/agent/llm/tokens/raw-usage.ts';
import type { BilledUnits } from '../../../../../src/core/llm/usage.ts';

export const JSON_TYPE = 'application/json';
export const SSE = 'text/event-stream; charset=utf-8';
export const NDJSON = 'application/x-ndjson';
export const EVENT_STREAM = 'application/vnd.amazon.eventstream';

/** What must come out of a body, besides what `NOTHING_SAID` says. */
export interface Said {
  readonly model: unknown;
  /** Buckets that are not zero; `null`: no usage. */
  readonly usage: Parameters<typeof tokenUsage>[0] | null;
  readonly finishReason: unknown;
  readonly serviceTier: unknown;
  readonly billedUnits: BilledUnits | null;
  readonly reportedCostUsd: number | null;
  readonly isStream: boolean;
  readonly contentEvents: number;
  /** The first of the error's codes and types that can be a label; `null`: no error. */
  readonly failure: string | null;
  readonly usageMismatch: boolean;
}

export const NOTHING_SAID: Said = {
  model: undefined,
  usage: null,
  finishReason: undefined,
  serviceTier: undefined,
  billedUnits: null,
  reportedCostUsd: null,
  isStream: false,
  contentEvents: 0,
  failure: null,
  usageMismatch: false,
};

/** An answer as its provider gives it, shortened, and what must come out of it. */
export interface Answer {
  readonly title: string;
  readonly contentType: string;
  /** Text; of an event stream its bytes, one character each. */
  readonly body: string;
  readonly said: Partial<Said>;
}

/** One dialect, as its contract knows it. */
export interface DialectExamples {
  readonly dialect: Dialect;
  /** Host and path of a call; `certain` whether these alone prove it. */
  readonly url: string;
  readonly certain: boolean;
  readonly pathModel?: string;
  readonly pathStreams?: boolean;
  /** Paths that are alike and no calls of this dialect, wherever they are asked. */
  readonly notPaths: readonly string[];
  /** A request's body on an unknown host that proves the call, and one that does not. */
  readonly request: string;
  readonly notRequest: string;
  readonly answers: readonly Answer[];
}

export const json = (title: string, body: unknown, said: Partial<Said>): Answer => ({
  title,
  contentType: JSON_TYPE,
  body: JSON.stringify(body, null, 1),
  said,
});

/** Server-sent events; texts are sent as they are, those with a colon first as comments. */
export const sse = (title: string, events: readonly unknown[], said: Partial<Said>): Answer => ({
  title,
  contentType: SSE,
  body: events.map((event) => `${lineOf(event)}\n\n`).join(''),
  said: { isStream: true, ...said },
});

function lineOf(event: unknown): string {
  if (typeof event !== 'string') return `data: ${JSON.stringify(event)}`;
  return event.startsWith(':') ? event : `data: ${event}`;
}

/** Lines of JSON. */
export const lines = (title: string, events: readonly unknown[], said: Partial<Said>): Answer => ({
  title,
  contentType: NDJSON,
  body: events.map((event) => `${JSON.stringify(event)}\n`).join(''),
  said: { isStream: true, ...said },
});
