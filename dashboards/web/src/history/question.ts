import { autoStepMs } from '../../../../src/core/history/buckets.ts';
import { HISTORY } from '../../../../src/core/history/catalogue.ts';
import type { HistoryAnswer } from '../../../../src/core/history/query.ts';
import type { SignalName } from '../../../../src/core/signals/index.ts';
import { type Range, type Stretch, spanMsOf } from '../view/range.ts';

/** What a chart asks of history; when and in which zone follows from the page's address. */
export interface HistoryRequest {
  readonly signal: SignalName;
  /** One of the signal's measures in `src/core/history/catalogue.ts`. */
  readonly measure: string;
  /** A dimension of the signal: one series per value, the 50 largest and `<other>`. */
  readonly groupBy?: string;
  /** Values by dimension. */
  readonly filters?: Readonly<Record<string, string>>;
  /** `auto`, or such as `1m`. @default 'auto' */
  readonly step?: string;
  /** Of a percentile that is not grouped: its distribution too, in at most so many bands of values. */
  readonly bands?: number;
  /** The period of the same length before the one that is shown. @default false */
  readonly before?: boolean;
}

/** Where and when a request is about. */
export interface Moment {
  readonly range: Range;
  /** Of a range that begins before there was anything: from the first row to now. @default all of it is asked for */
  readonly young?: Stretch | null;
  /** An IANA zone: days begin at its midnight. */
  readonly timeZone: string;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
/** Finer than what happens every few seconds a line is all gaps, and the newest of it is still on its way. */
const YOUNG_STEP_MS = 5 * SECOND_MS;
const SERIES_MAX = 200;
const POINTS_MAX = 5000;

/** The parameters of `/api/metrics/history`; the same question has the same text. */
export function historySearch(request: HistoryRequest, { range, young = null, timeZone }: Moment): string {
  const { step = 'auto' } = request;
  const search = new URLSearchParams({
    signal: request.signal,
    measure: request.measure,
    ...(young === null ? boundsOf(range, request.before ?? false) : sinceFirst(young)),
    step: step === 'auto' && young !== null ? youngStep(request.signal, young) : step,
    tz: timeZone,
  });
  if (request.groupBy !== undefined && request.groupBy !== '') search.set('group_by', request.groupBy);
  if (request.bands !== undefined) search.set('bands', String(request.bands));
  const filters = Object.entries(request.filters ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [dimension, value] of filters) if (value !== '') search.set(dimension, value);
  return search.toString();
}

/** Relative times stay relative: the collector's clock decides what now is. */
function boundsOf(range: Range, before: boolean): { from: string; to: string } {
  const spanMs = spanMsOf(range);
  if (range.kind === 'last') {
    const minutes = spanMs / MINUTE_MS;
    return before ? { from: `-${2 * minutes}m`, to: `-${minutes}m` } : { from: `-${minutes}m`, to: 'now' };
  }
  const backMs = before ? spanMs : 0;
  return {
    from: new Date(range.fromMs - backMs).toISOString(),
    to: new Date(range.toMs - backMs).toISOString(),
  };
}

/** From the first row on, if it is of the past: the clocks of others may be ahead. */
function sinceFirst({ fromMs, toMs }: Stretch): { from: string; to: string } {
  const isPast = toMs - fromMs >= SECOND_MS;
  return { from: isPast ? new Date(fromMs).toISOString() : '-1m', to: 'now' };
}

/** The steps of a range that has begun to fill: those that fit, but none too fine. */
function youngStep(signal: SignalName, young: Stretch): string {
  if (HISTORY[signal].finestStepMs !== undefined) return 'auto';
  return autoStepMs(young, { grouped: false }) < YOUNG_STEP_MS ? `${YOUNG_STEP_MS / SECOND_MS}s` : 'auto';
}

/** Whether an answer has the shape that charts rely on; a proxy's page does not. */
export function isHistoryAnswer(value: unknown): value is HistoryAnswer {
  if (typeof value !== 'object' || value === null) return false;
  if (!('series' in value) || !Array.isArray(value.series) || value.series.length > SERIES_MAX) return false;
  if (!('step_seconds' in value) || typeof value.step_seconds !== 'number') return false;
  return value.series.every(
    (series: unknown) =>
      typeof series === 'object' &&
      series !== null &&
      'points' in series &&
      Array.isArray(series.points) &&
      series.points.length <= POINTS_MAX,
  );
}

/** How long an answer about a range that ends at now is good for: half a step, within reason. */
export function freshForMs(answer: HistoryAnswer, intervalMs: number): number {
  return Math.min(Math.max((answer.step_seconds * 1000) / 2, intervalMs), MINUTE_MS);
}
