import { DAY_MS, HOUR_MS, MINUTE_MS, type Milliseconds, milliseconds, SECOND_MS } from '../units.ts';

export const TOO_MANY_REQUESTS = 429;
/** Refusals that say when to come back: too many requests, unavailable, Anthropic's overloaded. */
const REFUSALS: ReadonlySet<number> = new Set([TOO_MANY_REQUESTS, 503, 529]);
/** Providers' words for too many requests, in lower case: where a stream fails its status is still 200. */
export const RATE_LIMIT_ERRORS = [
  'rate_limit_error',
  'rate_limit_exceeded',
  'rate_limit_reached',
  'rate_limited',
  'resource_exhausted',
  'too_many_requests',
  'toomanyrequestsexception',
  'throttlingexception',
] as const;
/** A longer wait is a mistake, or a unit we do not know. */
const WAIT_MAX_MS = 31 * DAY_MS;
/** Whole numbers from here on are points in time, in seconds and in milliseconds since the epoch. */
const EPOCH_SECONDS_MIN = 1e9;
const EPOCH_MS_MIN = 1e12;

/** Headers of the limits that a provider counts apart: when each is lifted, and what is left of it. */
const LIMITS: readonly { readonly reset: string; readonly remaining: string }[] = [
  ...['requests', 'tokens'].map((kind) => ({
    reset: `x-ratelimit-reset-${kind}`,
    remaining: `x-ratelimit-remaining-${kind}`,
  })),
  ...['requests', 'tokens', 'input-tokens', 'output-tokens'].map((kind) => ({
    reset: `anthropic-ratelimit-${kind}-reset`,
    remaining: `anthropic-ratelimit-${kind}-remaining`,
  })),
  { reset: 'x-ratelimit-reset', remaining: 'x-ratelimit-remaining' },
];

/** RFC 3339 or HTTP's own form; `Date.parse` takes nearly anything for one. */
const DATE = /^(?:\d{4}-|[A-Z][a-z]{2}, )/;
/** `1h2m3.5s`, `6m0s`, `17ms`. */
const DURATION = /^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;

/**
 * How long a refused caller is asked to wait, from the answer on; `null` when it was no such refusal or nothing says.
 * `retry-after-ms` and `retry-after` come first; else the limits' own headers: the longest wait of those used up, or the
 * shortest of all when none says that it is.
 *
 * @param header gives a response header by its lower-case name.
 * @param nowMs milliseconds since the epoch; some providers name a point in time.
 */
export function rateLimitReset(
  statusCode: number,
  header: (name: string) => string | null,
  nowMs: Milliseconds,
): Milliseconds | null {
  if (!REFUSALS.has(statusCode)) return null;
  return (
    bounded(numberOf(header('retry-after-ms'))) ??
    waitOf(header('retry-after'), nowMs) ??
    (statusCode === TOO_MANY_REQUESTS ? waitOfLimits(header, nowMs) : null)
  );
}

function waitOfLimits(header: (name: string) => string | null, nowMs: Milliseconds): Milliseconds | null {
  const waits = LIMITS.flatMap(({ reset, remaining }) => {
    const waitMs = waitOf(header(reset), nowMs);
    return waitMs === null ? [] : { waitMs, usedUp: numberOf(header(remaining)) === 0 };
  });
  if (waits.length === 0) return null;
  const usedUp = waits.filter((limit) => limit.usedUp).map(({ waitMs }) => waitMs);
  if (usedUp.length > 0) return milliseconds(Math.max(...usedUp));
  return milliseconds(Math.min(...waits.map(({ waitMs }) => waitMs)));
}

/** A wait as providers write it: seconds, a duration with units, a date, or a point in time as a number. */
function waitOf(text: string | null, nowMs: Milliseconds): Milliseconds | null {
  if (text === null || text === '') return null;
  const number = numberOf(text);
  if (number === null)
    return waitOfDuration(text) ?? (DATE.test(text) ? until(Date.parse(text), nowMs) : null);
  if (number >= EPOCH_MS_MIN) return until(number, nowMs);
  return number >= EPOCH_SECONDS_MIN ? until(number * SECOND_MS, nowMs) : bounded(number * SECOND_MS);
}

function waitOfDuration(text: string): Milliseconds | null {
  const match = DURATION.exec(text);
  if (match === null) return null;
  const [, hours = 0, minutes = 0, seconds = 0, ms = 0] = match.map((part) => Number(part ?? 0));
  return bounded(hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS + ms);
}

/** A point in time that is over means: come back now. */
function until(timeMs: number, nowMs: Milliseconds): Milliseconds | null {
  return bounded(Math.max(0, timeMs - nowMs));
}

function numberOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}(?:\.\d+)?$/.test(text.trim()) ? Number(text) : null;
}

function bounded(waitMs: number | null): Milliseconds | null {
  return waitMs !== null && waitMs >= 0 && waitMs <= WAIT_MAX_MS ? milliseconds(waitMs) : null;
}
