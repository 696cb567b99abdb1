const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The ranges that end at now, shortest first. `live` is the five minutes that the stream keeps. */
export const PRESETS = [
  { id: 'live', label: 'Live', words: 'last 5 min', spanMs: 5 * MINUTE_MS },
  { id: '15m', label: '15 m', words: 'last 15 min', spanMs: 15 * MINUTE_MS },
  { id: '1h', label: '1 h', words: 'last hour', spanMs: HOUR_MS },
  { id: '6h', label: '6 h', words: 'last 6 h', spanMs: 6 * HOUR_MS },
  { id: '24h', label: '24 h', words: 'last 24 h', spanMs: DAY_MS },
  { id: '7d', label: '7 d', words: 'last 7 days', spanMs: 7 * DAY_MS },
  { id: '30d', label: '30 d', words: 'last 30 days', spanMs: 30 * DAY_MS },
  { id: '90d', label: '90 d', words: 'last 90 days', spanMs: 90 * DAY_MS },
] as const;

export type PresetId = (typeof PRESETS)[number]['id'];

/** What the page shows: the last so much, which moves with the clock, or a stretch of time that stays. */
export type Range =
  | { readonly kind: 'last'; readonly id: PresetId }
  | { readonly kind: 'between'; readonly fromMs: number; readonly toMs: number };

/** A range at one moment, in milliseconds since 1970. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The shortest that can be zoomed into, and the longest that history answers. */
export const SPAN_MIN_MS = 10_000;
export const SPAN_MAX_MS = 400 * DAY_MS;
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);

export function isPresetId(text: string): text is PresetId {
  return PRESETS.some(({ id }) => id === text);
}

export function presetOf(id: PresetId): (typeof PRESETS)[number] {
  return PRESETS.find((preset) => preset.id === id) ?? PRESETS[0];
}

/** A stretch within the bounds, or `null` for one that is empty, too long or in no believable year. */
export function between(fromMs: number, toMs: number): Range | null {
  if (!Number.isFinite(fromMs) || !Number.isFinite(toMs)) return null;
  const isBelievable = fromMs >= EARLIEST_MS && toMs <= LATEST_MS;
  const span = toMs - fromMs;
  if (!isBelievable || span < 1000 || span > SPAN_MAX_MS) return null;
  const missing = Math.max(0, SPAN_MIN_MS - span) / 2;
  return { kind: 'between', fromMs: Math.floor(fromMs - missing), toMs: Math.ceil(toMs + missing) };
}

export function spanMsOf(range: Range): number {
  return range.kind === 'last' ? presetOf(range.id).spanMs : range.toMs - range.fromMs;
}

/** Where a range lies at `nowMs`. */
export function stretchOf(range: Range, nowMs: number): Stretch {
  return range.kind === 'last'
    ? { fromMs: nowMs - spanMsOf(range), toMs: nowMs }
    : { fromMs: range.fromMs, toMs: range.toMs };
}

/** So much is shown at least: on a shorter axis nothing has a shape yet. */
const YOUNG_SPAN_MIN_MS = MINUTE_MS;

/**
 * Of a range that ends at now and begins before there was anything: what there is, from the first row on; `null` for any
 * other range.
 *
 * @param firstRowMs when the oldest row is of; `null`: not known, or nothing is stored.
 */
export function youngStretch(range: Range, firstRowMs: number | null, nowMs: number): Stretch | null {
  if (range.kind !== 'last' || firstRowMs === null) return null;
  const spanMs = Math.max(nowMs - firstRowMs, YOUNG_SPAN_MIN_MS);
  return spanMs < spanMsOf(range) ? { fromMs: nowMs - spanMs, toMs: nowMs } : null;
}

/** The stretch half its length earlier (`-1`) or later (`1`). */
export function shifted({ fromMs, toMs }: Stretch, direction: -1 | 1): Range | null {
  const step = ((toMs - fromMs) / 2) * direction;
  return between(fromMs + step, toMs + step);
}

/** Twice as long around the same middle. */
export function widened({ fromMs, toMs }: Stretch): Range | null {
  const more = (toMs - fromMs) / 2;
  return between(fromMs - more, toMs + more);
}
