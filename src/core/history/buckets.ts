import { DAY_MS, MINUTE_MS, SECOND_MS } from '../units.ts';

export const BUCKETS_MAX = 1500;
/** How many `auto` aims at: as many as a chart can show apart. */
const BUCKETS_AUTO = 100;
/** With several groups each has its bucket: fewer can be told apart, and 24 h come from hours, 30 d from days. */
const BUCKETS_AUTO_GROUPED = 30;
/** Of four points each: about as many as a chart has columns of pixels, and a quarter of that for each of several groups. */
const BUCKETS_AUTO_M4 = 400;
const BUCKETS_AUTO_M4_GROUPED = 100;
const LADDER_SECONDS = [
  1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800,
] as const;
/** A Monday: steps of whole weeks begin on one. */
const DAY_ORIGIN_MS = Date.UTC(1970, 0, 5);

export interface Buckets {
  readonly stepMs: number;
  /** Beginning of each bucket, and in the end the end of the last one: one more than there are buckets. */
  readonly boundariesMs: readonly number[];
}

export interface StepOptions {
  readonly grouped: boolean;
  /** Each bucket has four points. @default false */
  readonly isM4?: boolean;
  /** Shorter steps would have gaps. @default a second */
  readonly finestMs?: number;
}

/** The finest step that a range can be shown with in a chart. */
export function autoStepMs(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  { grouped, isM4 = false, finestMs = SECOND_MS }: StepOptions,
): number {
  const bucketsMax = autoBuckets(grouped, isM4);
  // Four points of less than a minute would be all the rows there are.
  const leastMs = isM4 ? Math.max(finestMs, MINUTE_MS) : finestMs;
  const seconds = LADDER_SECONDS.find(
    (step) => step * SECOND_MS >= leastMs && (toMs - fromMs) / (step * SECOND_MS) <= bucketsMax,
  );
  return (seconds ?? 7 * 86_400) * SECOND_MS;
}

function autoBuckets(grouped: boolean, isM4: boolean): number {
  if (isM4) return grouped ? BUCKETS_AUTO_M4_GROUPED : BUCKETS_AUTO_M4;
  return grouped ? BUCKETS_AUTO_GROUPED : BUCKETS_AUTO;
}

/**
 * Whole buckets that cover the range. Steps below a day are aligned to UTC; whole days begin at midnight in the time zone,
 * so that a day of a change to or from summer time has 23 or 25 hours.
 *
 * @returns `null` when there would be more than `BUCKETS_MAX`.
 */
export function bucketsOf(
  range: { readonly fromMs: number; readonly toMs: number },
  stepMs: number,
  timeZone: string,
): Buckets | null {
  const { fromMs, toMs } = range;
  if ((toMs - fromMs) / stepMs > BUCKETS_MAX) return null;
  const boundariesMs =
    stepMs % DAY_MS === 0
      ? dayBoundaries(range, stepMs, new ZonedTime(timeZone))
      : evenBoundaries(fromMs, toMs, stepMs);
  return boundariesMs.length > BUCKETS_MAX + 1 ? null : { stepMs, boundariesMs };
}

function evenBoundaries(fromMs: number, toMs: number, stepMs: number): number[] {
  const boundaries: number[] = [];
  let at = Math.floor(fromMs / stepMs) * stepMs;
  for (; at < toMs; at += stepMs) boundaries.push(at);
  return [...boundaries, at];
}

function dayBoundaries(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  stepMs: number,
  zone: ZonedTime,
): number[] {
  const local = zone.localMs(fromMs) - DAY_ORIGIN_MS;
  let day = DAY_ORIGIN_MS + Math.floor(local / stepMs) * stepMs;
  const boundaries: number[] = [];
  for (; zone.instantOf(day) < toMs; day += stepMs) boundaries.push(zone.instantOf(day));
  return [...boundaries, zone.instantOf(day)];
}

/** Wall clocks of a time zone, written as the milliseconds they would be in UTC. */
export class ZonedTime {
  /** `null`: UTC, which needs none; most questions are in it, and formatting takes as long as a small query. */
  readonly #format: Intl.DateTimeFormat | null;

  /** @throws RangeError for a time zone nobody knows. */
  constructor(timeZone: string) {
    this.#format =
      timeZone === 'UTC'
        ? null
        : new Intl.DateTimeFormat('en-US', {
            timeZone,
            calendar: 'iso8601',
            hourCycle: 'h23',
            year: 'numeric',
            month: 'numeric',
            day: 'numeric',
            hour: 'numeric',
            minute: 'numeric',
            second: 'numeric',
          });
  }

  /** What the wall clock shows at an instant. */
  localMs(instantMs: number): number {
    if (this.#format === null) return Math.floor(instantMs / SECOND_MS) * SECOND_MS;
    const parts = Object.fromEntries(
      this.#format.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  }

  /** The first instant at which the wall clock shows that time or, where it leaps over it, a later one. */
  instantOf(localMs: number): number {
    const offsets = [localMs - DAY_MS, localMs + DAY_MS].map((near) => this.localMs(near) - near);
    const candidates = offsets.map((offset) => localMs - offset).sort((a, b) => a - b);
    const [early = localMs, late = localMs] = candidates;
    if (this.localMs(early) === localMs) return early;
    if (this.localMs(late) === localMs) return late;
    // In the gap: the clock leaps at the first instant that shows more than was asked for.
    let [low, high] = [early - 1, late];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.localMs(middle) >= localMs) high = middle;
      else low = middle;
    }
    return high;
  }
}
