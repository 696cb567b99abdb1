import { SIGNAL_NAMES, type SignalName } from '../signals/index.ts';
import { DAY_MS } from '../units.ts';
import { autoStepMs, BUCKETS_MAX, bucketsOf, type StepOptions, ZonedTime } from './buckets.ts';
import { HISTORY, type HistorySignal } from './catalogue.ts';
import { CURSOR_LENGTH_MAX, decodeCursor } from './cursor.ts';
import { type Dimension, STAGE, VALUE } from './measures.ts';
import type { EventsQuery, Filters, HistoryQuery } from './query.ts';
import { parseDuration, parseInstant } from './time.ts';

const M4_MAX = 1000;
const M4_GROUPED_MAX = 300;
export const EVENTS_MAX = 500;
const EVENTS_DEFAULT = 50;
const BANDS_MIN = 4;
const BANDS_MAX = 48;
const RANGE_MAX_MS = 400 * DAY_MS;
const VALUE_LENGTH_MAX = 255;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** Writers other than ours may have put anything there that its column holds. */
const TRACE_ID = /^[^\0]{1,32}$/;

/** A parameter that cannot be used. The message names it, what was expected, and what came. */
export class ParameterError extends Error {
  constructor(name: string, expected: string, got: string | null) {
    super(`${name}: expected ${expected}, got ${got === null ? 'nothing' : `"${printable(got)}"`}.`);
  }
}

/** Parameters by name, none twice, none unknown. */
class Parameters {
  readonly #values = new Map<string, string>();

  constructor(search: URLSearchParams, known: readonly string[]) {
    for (const [name, value] of search) {
      if (!known.includes(name)) {
        throw new ParameterError('Query parameter', `one of ${known.join(', ')}`, name);
      }
      const before = this.#values.get(name);
      if (before !== undefined) throw new ParameterError(name, 'one value', `${before}, ${value}`);
      this.#values.set(name, value);
    }
  }

  /** Absent and empty mean "not given". */
  get(name: string): string | null {
    const value = this.#values.get(name);
    return value === undefined || value === '' ? null : value;
  }

  choice<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.get(name);
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) throw new ParameterError(name, `one of ${choices.join(', ')}`, value);
    return choice;
  }

  instant(name: string, nowMs: number, timeZone: string): number | null {
    const value = this.get(name);
    if (value === null) return null;
    const instant = parseInstant(value, nowMs, timeZone);
    if (instant !== null) return instant;
    throw new ParameterError(name, 'now, a time before now such as -24h, or ISO 8601', value);
  }

  matching(name: string, pattern: RegExp, expected: string): string | null {
    const value = this.get(name);
    if (value === null || pattern.test(value)) return value;
    throw new ParameterError(name, expected, value);
  }

  timeZone(): string {
    const value = this.get('tz') ?? 'UTC';
    try {
      new ZonedTime(value);
      return value;
    } catch {
      throw new ParameterError('tz', 'an IANA time zone such as Europe/Berlin', value);
    }
  }

  filters(dimensions: readonly Dimension[]): Filters {
    const filters: Record<Dimension, string> = {};
    for (const dimension of dimensions) {
      const value = this.get(dimension);
      if (value === null) continue;
      if (value.length > VALUE_LENGTH_MAX || value.includes('\0')) {
        throw new ParameterError(dimension, `at most ${VALUE_LENGTH_MAX} characters without NUL`, value);
      }
      filters[dimension] = value;
    }
    return filters;
  }
}

/** The signal first: which other parameters there are depends on it. */
function readSignal(search: URLSearchParams): SignalName {
  return new Parameters(new URLSearchParams([['signal', search.get('signal') ?? '']]), ['signal']).choice(
    'signal',
    SIGNAL_NAMES,
  );
}

/** @throws ParameterError for the first parameter that cannot be used. */
export function parseHistoryQuery(search: URLSearchParams, nowMs: number): HistoryQuery {
  const signal = readSignal(search);
  const { dimensions, measures } = HISTORY[signal];
  const names = ['signal', 'measure', 'from', 'to', 'step', 'group_by', 'bands', 'tz', ...dimensions];
  const parameters = new Parameters(search, names);
  const timeZone = parameters.timeZone();
  const measureName = parameters.choice('measure', Object.keys(measures));
  const measure = measures[measureName];
  if (measure === undefined) throw new ParameterError('measure', 'a measure', measureName);
  const groupBy = parameters.get('group_by') === null ? null : parameters.choice('group_by', dimensions);
  const filters = parameters.filters(dimensions);
  const bands = readBands(parameters, measure.formula.kind === 'percentile' && groupBy === null);
  const query: HistoryQuery = {
    signal,
    measureName,
    measure,
    timeZone,
    groupBy,
    filters,
    nowMs,
    ...(bands === null ? {} : { bands }),
    buckets: readBuckets(parameters, nowMs, { timeZone, signal, measure }),
  };
  return askedOfStages(query) ? overStages(query) : requireOne(query);
}

function readBands(parameters: Parameters, hasDistribution: boolean): number | null {
  const value = parameters.get('bands');
  if (value === null) return null;
  if (!hasDistribution)
    throw new ParameterError('bands', 'nothing, unless `measure` is a percentile without `group_by`', value);
  if (!/^\d{1,2}$/.test(value) || Number(value) < BANDS_MIN || Number(value) > BANDS_MAX)
    throw new ParameterError('bands', `a whole number from ${BANDS_MIN} to ${BANDS_MAX}`, value);
  return Number(value);
}

function readBuckets(
  parameters: Parameters,
  nowMs: number,
  { timeZone, signal, measure }: Pick<HistoryQuery, 'timeZone' | 'signal' | 'measure'>,
) {
  const toMs = parameters.instant('to', nowMs, timeZone) ?? nowMs;
  const fromMs = parameters.instant('from', nowMs, timeZone) ?? toMs - DAY_MS / 24;
  const from = parameters.get('from');
  if (fromMs >= toMs) throw new ParameterError('from', 'a time before `to`', from);
  if (toMs - fromMs > RANGE_MAX_MS) throw new ParameterError('from', 'at most 400 days before `to`', from);
  const step = parameters.get('step') ?? 'auto';
  if (step === 'all') return { stepMs: toMs - fromMs, boundariesMs: [fromMs, toMs] };
  const options = stepOptions(parameters, signal, measure);
  const stepMs = step === 'auto' ? autoStepMs({ fromMs, toMs }, options) : parseDuration(step);
  if (stepMs === null || stepMs > RANGE_MAX_MS || (stepMs > DAY_MS && stepMs % DAY_MS !== 0)) {
    throw new ParameterError(
      'step',
      'auto, all, or a duration such as 1m, 1h or 1d (whole days above one)',
      step,
    );
  }
  const buckets = bucketsOf({ fromMs, toMs }, stepMs, timeZone);
  const most = bucketsMax(options);
  if (buckets === null || buckets.boundariesMs.length > most + 1)
    throw new ParameterError('step', `a step of which the range has at most ${most}`, step);
  return buckets;
}

/** With four points each an answer of fewer is as large. */
function bucketsMax({ isM4, grouped }: StepOptions): number {
  if (isM4 !== true) return BUCKETS_MAX;
  return grouped ? M4_GROUPED_MAX : M4_MAX;
}

function stepOptions(
  parameters: Parameters,
  signal: SignalName,
  { formula }: HistoryQuery['measure'],
): StepOptions {
  const { finestStepMs } = HISTORY[signal];
  return {
    grouped: parameters.get('group_by') !== null,
    isM4: formula.kind === 'm4',
    ...(finestStepMs === undefined ? {} : { finestMs: finestStepMs }),
  };
}

function askedOfStages({ groupBy, filters }: HistoryQuery): boolean {
  return groupBy === STAGE || filters[STAGE] !== undefined;
}

/** A stage has a duration of its own; what belongs to the whole query cannot be told by stage. */
function overStages(query: HistoryQuery): HistoryQuery {
  const { measure, measureName } = query;
  if (measure.field !== VALUE || ['total', 'total_rate', 'ratio'].includes(measure.formula.kind)) {
    throw new ParameterError('measure', 'one that a stage has (count, rate, avg, sum, p95, …)', measureName);
  }
  return { ...query, measure: { ...measure, field: STAGE } };
}

/** An average over percent, bytes and counts would mean nothing. */
function requireOne(query: HistoryQuery): HistoryQuery {
  const { oneAtATime: one } = HISTORY[query.signal];
  if (one === undefined || query.filters[one.dimension] !== undefined || query.groupBy === one.dimension)
    return query;
  throw new ParameterError(one.dimension, one.expected, null);
}

/** @throws ParameterError for the first parameter that cannot be used. */
export function parseEventsQuery(search: URLSearchParams, nowMs: number): EventsQuery {
  const signal = readSignal(search);
  const dimensions = eventDimensions(HISTORY[signal]);
  const parameters = new Parameters(search, [
    ...['signal', 'from', 'to', 'tz', 'limit', 'order', 'cursor', 'id'],
    ...narrowingsOf(signal),
    ...dimensions,
  ]);
  const timeZone = parameters.timeZone();
  const limit = parameters.get('limit');
  if (limit !== null && !(/^\d{1,3}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= EVENTS_MAX)) {
    throw new ParameterError('limit', `a whole number from 1 to ${EVENTS_MAX}`, limit);
  }
  const cursor = parameters.get('cursor');
  const after = cursor === null || cursor.length > CURSOR_LENGTH_MAX ? null : decodeCursor(cursor);
  if (cursor !== null && after === null)
    throw new ParameterError('cursor', 'the `next_cursor` of a page', cursor);
  return {
    signal,
    filters: parameters.filters(dimensions),
    fromMs: parameters.instant('from', nowMs, timeZone),
    toMs: parameters.instant('to', nowMs, timeZone),
    ...readNarrowings(parameters),
    limit: limit === null ? EVENTS_DEFAULT : Number(limit),
    ...(readsSlowestFirst(parameters, signal) ? { slowestFirst: true } : {}),
    after,
  };
}

/**
 * The id of a trace, as it stands in a path. One of W3C's is read in any case of letters and with a UUID's dashes.
 *
 * @throws ParameterError when it cannot be one.
 */
export function parseTraceId(segment: string): string {
  const expected = '32 hex digits, or whatever a writer has called it in at most 32 characters';
  let id: string;
  try {
    id = decodeURIComponent(segment);
  } catch {
    throw new ParameterError('trace_id', expected, segment);
  }
  const digits = id.replaceAll('-', '').toLowerCase();
  if (/^[\da-f]{32}$/.test(digits)) return digits;
  if (TRACE_ID.test(id) && !segment.includes('/')) return id;
  throw new ParameterError('trace_id', expected, id);
}

/** What only some signals' rows can be chosen by: their duration, whether they failed, the trace they belong to. */
function narrowingsOf(signal: SignalName): readonly string[] {
  const { isTraced, failed, durationColumn } = HISTORY[signal];
  return [
    ...(isTraced ? ['trace_id'] : []),
    ...(failed === null ? [] : ['failed']),
    ...(durationColumn === null ? [] : ['min_ms']),
  ];
}

function readNarrowings(
  parameters: Parameters,
): Pick<EventsQuery, 'id' | 'traceId' | 'failedOnly' | 'minMs'> {
  const failed = parameters.get('failed');
  if (failed !== null && failed !== '1') throw new ParameterError('failed', '1, or nothing', failed);
  const minMs = parameters.get('min_ms');
  if (minMs !== null && !/^\d{1,12}(\.\d{1,6})?$/.test(minMs))
    throw new ParameterError('min_ms', 'a number of milliseconds such as 250', minMs);
  return {
    id: parameters.matching('id', UUID, 'a UUID'),
    traceId: parameters.matching('trace_id', TRACE_ID, 'at most 32 characters without NUL'),
    failedOnly: failed !== null,
    minMs: minMs === null ? null : Number(minMs),
  };
}

/** Pages go by time, so that what is ordered otherwise has one page. */
function readsSlowestFirst(parameters: Parameters, signal: SignalName): boolean {
  const order = parameters.get('order');
  if (order === null || order === 'newest') return false;
  const hasDuration = HISTORY[signal].durationColumn !== null;
  if (order === 'slowest' && hasDuration && parameters.get('cursor') === null) return true;
  const orders = hasDuration
    ? 'newest, or slowest without a cursor'
    : 'newest, as these rows have no duration';
  throw new ParameterError('order', orders, order);
}

/** A row has many stages or none: it cannot be equal to one. */
function eventDimensions({ dimensions }: HistorySignal): readonly Dimension[] {
  return dimensions.filter((dimension) => dimension !== STAGE);
}

/** A received value as it may be shown: short, on one line. */
function printable(value: string): string {
  const clean = value.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  return clean.length > 60 ? `${clean.slice(0, 57)}...` : clean;
}
