import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../units.ts';
import { ZonedTime } from './buckets.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
};
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?)?(Z|[+-]\d\d:?\d\d)?$/i;
/** The years in which times are believed. */
const EARLIEST_MS = Date.UTC(1970, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);

/** `90s`, `5m`, `1h`, `1d`, `1w` in milliseconds; `null` for anything else. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,6})([smhdw])$/.exec(text);
  const unit = UNIT_MS[match?.[2] ?? ''];
  const amount = Number(match?.[1]);
  return unit === undefined || amount === 0 ? null : amount * unit;
}

/**
 * An instant: `now`, `-24h` (before now), a date (midnight in the time zone), or a date and time with `Z`, an offset, or
 * neither (then in the time zone). `null` for anything else.
 */
export function parseInstant(text: string, nowMs: number, timeZone: string): number | null {
  if (text === 'now') return nowMs;
  const before = text.startsWith('-') ? parseDuration(text.slice(1)) : null;
  const instant = before === null ? parseIso(text, timeZone) : nowMs - before;
  return instant !== null && instant >= EARLIEST_MS && instant <= LATEST_MS ? instant : null;
}

function parseIso(text: string, timeZone: string): number | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '0', zone] = match;
  const written = Date.parse(
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0')}Z`,
  );
  // A day that its month does not have is moved into the next month by some parsers, refused by others.
  if (Number.isNaN(written) || new Date(written).getUTCDate() !== Number(day)) return null;
  if (zone === undefined) return new ZonedTime(timeZone).instantOf(written);
  return written - offsetMs(zone);
}

function offsetMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * MINUTE_MS;
}
