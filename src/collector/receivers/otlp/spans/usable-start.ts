import { DAY_MS } from '../../../../core/units.ts';
import type { SpanRole } from '../dialects/dialect.ts';
import type { OtlpRejected, OtlpSpan } from '../model.ts';

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

const NONE_REJECTED: OtlpRejected = { count: 0, message: '' };

/** What the sender is told of times that cannot be. @param endless those that were left out. @param startless those that count, and take no time. */
export function rejectedForTimes(endless: number, startless: number): OtlpRejected {
  if (endless === 0 && startless === 0) return NONE_REJECTED;
  const told = [
    ...(endless > 0
      ? [`${endless} spans without a usable end time (after 1970, in nanoseconds) were left out`]
      : []),
    ...(startless > 0
      ? [`${startless} spans without a usable start time (before the end, by at most a day) take no time`]
      : []),
  ];
  return { count: endless, message: told.join('; ') };
}
