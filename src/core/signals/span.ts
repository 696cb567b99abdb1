import type { EventBase } from '../event.ts';
import type { Milliseconds } from '../units.ts';

/** A span that came by OTLP and is kept. `timeMs` is when it ended. */
export interface SpanEvent extends EventBase {
  readonly signal: 'span';
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly durationMs: Milliseconds;
  readonly status: 'unset' | 'ok' | 'error';
  /** What failed, in a word (`error.type`, the exception's type); never a sentence. */
  readonly errorType: string | null;
  /** Name of the instrumentation that made it. */
  readonly scope: string;
  /** JSON object of its attributes, bounded, without prompts, answers and texts of queries. */
  readonly attributes: string;
  /** JSON list of `[name, milliseconds after the start, {attributes}]`, bounded likewise. */
  readonly events: string;
}
