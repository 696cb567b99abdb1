const TRACE_ID_START = 3;
const TRACE_ID_END = 35;
const SPAN_ID_START = 36;
const SPAN_ID_END = 52;
const FLAGS_START = 53;
const VERSION_00_LENGTH = 55;
const SAMPLED = 1;
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:$|-)/;

/** The span of a caller, by its `traceparent` header. */
export interface Caller {
  readonly traceId: string;
  readonly spanId: string;
  /** Whether it records its part of the trace. */
  readonly sampled: boolean;
}

/** Headers of a request, by their lower-case names. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

const byTraceparent = ({ traceparent }: Headers): Caller | null => callerOf(traceparent);
let read: (headers: Headers) => Caller | null = byTraceparent;

/** The caller that a request names in its headers, `null` where it names none. */
export function callerIn(headers: Headers): Caller | null {
  return read(headers);
}

/** From now on callers are read so; `null`: by `traceparent`. */
export function readCallersBy(reader: ((headers: Headers) => Caller | null) | null): void {
  read = reader ?? byTraceparent;
}

/**
 * The caller that a `traceparent` header names (W3C Trace Context, level 1), or `null` when the header is missing or not
 * valid; then the receiver has to start a trace of its own.
 */
export function callerOf(traceparent: unknown): Caller | null {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return null;
  // Only versions yet to come may carry more fields.
  if (traceparent.startsWith('00') && traceparent.length !== VERSION_00_LENGTH) return null;
  return {
    traceId: traceparent.slice(TRACE_ID_START, TRACE_ID_END),
    spanId: traceparent.slice(SPAN_ID_START, SPAN_ID_END),
    sampled: (Number.parseInt(traceparent.slice(FLAGS_START, VERSION_00_LENGTH), 16) & SAMPLED) !== 0,
  };
}
