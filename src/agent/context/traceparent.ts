const TRACE_ID_START = 3;
const TRACE_ID_END = 35;
const VERSION_00_LENGTH = 55;
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:$|-)/;

/**
 * The trace id of a `traceparent` header (W3C Trace Context, level 1), or `null` when the header is missing or not valid;
 * then the receiver has to start a trace of its own.
 */
export function traceIdOf(traceparent: unknown): string | null {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return null;
  // Only versions yet to come may carry more fields.
  if (traceparent.startsWith('00') && traceparent.length !== VERSION_00_LENGTH) return null;
  return traceparent.slice(TRACE_ID_START, TRACE_ID_END);
}
