import { isTimeZone } from './view.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Times as text in one time zone, all with 24 hours and never more precise than they help. */
export interface Zone {
  /** The IANA name, for the server and for drawing. */
  readonly name: string;
  /** `14:05`, or `14:05:30` where steps are below a minute. */
  clock(ms: number, stepMs?: number): string;
  /** `22 Nov` */
  day(ms: number): string;
  /** `22 Nov 2026, 14:05:30` */
  full(ms: number): string;
  /** What a tick of an axis says: days where the steps are days, else the clock. */
  tick(ms: number, stepMs: number): string;
}

/** The zone that `local` stands for; UTC where the browser does not know its own. */
export function localZoneName(): string {
  const name = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return typeof name === 'string' && isTimeZone(name) ? name : 'UTC';
}

/** @param tz `local`, `UTC` or an IANA zone that exists. */
export function zoneOf(tz: string): Zone {
  const timeZone = tz === 'local' ? localZoneName() : tz;
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-GB', { timeZone, hourCycle: 'h23', ...options });
  const minutes = format({ hour: '2-digit', minute: '2-digit' });
  const seconds = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const days = format({ day: 'numeric', month: 'short' });
  const whole = format({
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const clock = (ms: number, stepMs = MINUTE_MS) => (stepMs < MINUTE_MS ? seconds : minutes).format(ms);
  const day = (ms: number) => days.format(ms);
  return {
    name: timeZone,
    clock,
    day,
    full: (ms) => whole.format(ms),
    tick(ms, stepMs) {
      if (stepMs >= DAY_MS) return day(ms);
      const text = clock(ms, stepMs);
      // Midnight is where the date is missed.
      return text === '00:00' ? day(ms) : text;
    },
  };
}
