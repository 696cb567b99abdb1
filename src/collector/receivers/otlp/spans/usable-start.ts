import { DAY_MS } from '../../../../core/units.ts';
import type { SpanRole } from '../dialects/dialect.ts';
import type { OtlpSpan } from '../model.ts';

/** Longest that a request, a call or a search is believed to have taken; sessions and jobs may go on for longer. */
const WORK_MS_MAX = DAY_MS;
const OTHERS_MS_MAX = 30 * DAY_MS;
const WORK: ReadonlySet<SpanRole | undefined> = new Set<SpanRole>([
  'request',
  'call',
  'retrieval',
  'query',
  'stage',
]);

/**
 * A span as it came, or as if it had begun when it ended where its start cannot be: it has none, it is after the end, or so long
 * before it that the sender did not know it. One such start is a duration of 57 years, and in every average.
 */
export function withUsableStart(span: OtlpSpan, role: SpanRole | undefined): OtlpSpan {
  const { startMs, endMs } = span;
  const longestMs = WORK.has(role) ? WORK_MS_MAX : OTHERS_MS_MAX;
  const isUsable = startMs > 0 && startMs <= endMs && endMs - startMs <= longestMs;
  return isUsable ? span : { ...span, startMs: endMs };
}
