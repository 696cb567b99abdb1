import { HOUR_MS, MINUTE_MS } from '../../../../core/units.ts';
import { type Figures, gained } from './figures.ts';

/** Series that are followed, of all senders and of one; a cumulative histogram takes a few hundred bytes to two kilobytes. */
const SERIES_MAX = 50_000;
const SERIES_MAX_PER_INSTANCE = 10_000;
/** Processes that send as one instance (workers of one resource), told apart by when they started. */
const WRITERS_MAX = 8;
/** One that is silent for so long makes place for another. */
const WRITER_SILENT_MS = 10 * MINUTE_MS;
/** Of what came as deltas, the points remembered, so that one that is sent again is known. */
const RECENT_MAX = 8;
/** A series that is silent for so long is forgotten; exporters send every minute, and keep trying for less. */
const KEPT_MS = HOUR_MS;
/** Where there is no room for a new one, one that is silent for so long is: several exports have passed it by. */
const IDLE_MS = 10 * MINUTE_MS;
const SWEEP_MS = MINUTE_MS;
/** A sender whose clock was ahead by more than this and was set right is not late. */
const CLOCK_AHEAD_MS = HOUR_MS;

/** What one point adds to what is known of its series. */
export type Step =
  /** `figures` were gained between `afterMs` and `untilMs` of the sender's clock. */
  | {
      readonly kind: 'gained';
      readonly figures: Figures;
      readonly afterMs: number;
      readonly untilMs: number;
    }
  /** Where it stands is known from now on; what was before cannot be told from what was counted. */
  | { readonly kind: 'baseline' }
  /** It says nothing that is not known: it was sent before, or a later one says more. */
  | { readonly kind: 'known' }
  | { readonly kind: 'refused'; readonly reason: string };

export interface SeriesPoint {
  readonly instanceId: string;
  /** Of the instance: one text per metric of a scope. */
  readonly stream: string;
  /** Of the instance: one text per metric and set of attributes. */
  readonly series: string;
  readonly startMs: number;
  readonly timeMs: number;
  /** `null` where the sender marks a gap. */
  readonly figures: Figures | null;
}

interface Writer {
  readonly startMs: number;
  timeMs: number;
  seenMs: number;
  figures: Figures;
}

interface Series {
  readonly stream: string;
  seenMs: number;
  /** Of writers that made place for others, when the latest began. */
  forgottenMs: number;
  readonly writers: Writer[];
  readonly recent: string[];
}

interface Instance {
  readonly series: Map<string, Series>;
  /** When each stream was first heard, by its start. */
  readonly streams: Map<string, number>;
}

/**
 * Where the series of all senders stand, so that what they say adds up to what happened: each value once, whatever was sent
 * again, came late or began anew. Bounded; what is past the bound is refused while no series is idle.
 */
export class SeriesState {
  /** What began later than this, nobody has counted before. */
  #sinceMs: number;
  #size = 0;
  #sweptMs = 0;
  #madeRoomMs = 0;
  readonly #instances = new Map<string, Instance>();

  /** @param sinceMs when this collector began to count, in milliseconds since the epoch. */
  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  /** A point that says what was added since the one before. */
  delta(point: SeriesPoint, nowMs: number): Step {
    const { startMs, timeMs, figures } = point;
    if (figures === null) return { kind: 'known' };
    const series = this.#seriesOf(point, nowMs);
    if (series === null) return TOO_MANY_SERIES;
    const told = `${startMs} ${timeMs}`;
    if (timeMs > 0 && series.recent.includes(told)) return { kind: 'known' };
    series.recent.push(told);
    if (series.recent.length > RECENT_MAX) series.recent.shift();
    const untilMs = timeMs > 0 ? timeMs : nowMs;
    return { kind: 'gained', figures, afterMs: startMs > 0 ? Math.min(startMs, untilMs) : untilMs, untilMs };
  }

  /** A point that says what there is since `startMs`. */
  cumulative(point: SeriesPoint, nowMs: number): Step {
    const { startMs, figures } = point;
    const series = this.#seriesOf(point, nowMs);
    if (series === null) return TOO_MANY_SERIES;
    const timeMs = point.timeMs > 0 ? point.timeMs : nowMs;
    const writer = series.writers.find((one) => one.startMs === startMs);
    if (writer !== undefined) return advance(writer, figures, timeMs, nowMs);
    if (figures === null) return { kind: 'known' };
    const isCounted = this.#beganHere({ ...point, timeMs }, series);
    if (!makePlace(series, startMs, nowMs)) return TOO_MANY_WRITERS;
    series.writers.push({ startMs, timeMs, seenMs: nowMs, figures });
    if (!isCounted) return { kind: 'baseline' };
    return { kind: 'gained', figures, afterMs: startMs > 0 ? startMs : timeMs, untilMs: timeMs };
  }

  /** The running value of a series whose changes are sent, such as connections that open and close. */
  level(point: SeriesPoint, nowMs: number): Step {
    const { figures } = point;
    const series = this.#seriesOf(point, nowMs);
    const [writer] = series?.writers ?? [];
    const step = this.delta(point, nowMs);
    if (step.kind !== 'gained' || series === null || figures?.kind !== 'number') return step;
    const before = writer?.figures.kind === 'number' ? writer.figures.value : 0;
    const now: Figures = { kind: 'number', value: before + figures.value };
    if (writer === undefined) series.writers.push({ startMs: 0, timeMs: 0, seenMs: nowMs, figures: now });
    else writer.figures = now;
    return { ...step, figures: now };
  }

  /**
   * Whether all that a new series says is to be counted. It is when it began after this collector did, or after the same
   * metric of the same process was heard without it: then nobody has counted any of it. A start that is the time of the
   * point itself says that the true one is not known.
   */
  #beganHere(
    { instanceId, stream, startMs, timeMs }: SeriesPoint & { readonly timeMs: number },
    series: Series,
  ): boolean {
    const streams = this.#instances.get(instanceId)?.streams;
    const key = streamKey(startMs, stream);
    const firstMs = streams?.get(key);
    if (firstMs === undefined && streams !== undefined && streams.size < SERIES_MAX_PER_INSTANCE) {
      streams.set(key, timeMs);
    }
    if (startMs > 0 && startMs >= timeMs) return false;
    if (firstMs !== undefined && firstMs < timeMs) return true;
    if (startMs <= series.forgottenMs) return false;
    return startMs >= this.#sinceMs || series.writers.some((writer) => writer.timeMs <= startMs);
  }

  #seriesOf({ instanceId, stream, series: key }: SeriesPoint, nowMs: number): Series | null {
    if (nowMs - this.#sweptMs >= SWEEP_MS) this.#sweep(nowMs, KEPT_MS);
    const instance = this.#instances.get(instanceId) ?? { series: new Map(), streams: new Map() };
    let series = instance.series.get(key);
    if (series === undefined) {
      if (!this.#hasRoom(instance, nowMs)) return null;
      series = { stream, seenMs: nowMs, forgottenMs: 0, writers: [], recent: [] };
      instance.series.set(key, series);
      this.#instances.set(instanceId, instance);
      this.#size++;
    }
    series.seenMs = nowMs;
    return series;
  }

  #hasRoom(instance: Instance, nowMs: number): boolean {
    const has = () => this.#size < SERIES_MAX && instance.series.size < SERIES_MAX_PER_INSTANCE;
    if (!has() && nowMs - this.#madeRoomMs >= SWEEP_MS) {
      this.#madeRoomMs = nowMs;
      this.#sweep(nowMs, IDLE_MS);
    }
    return has();
  }

  #sweep(nowMs: number, keptMs: number): void {
    this.#sweptMs = nowMs;
    for (const [instanceId, instance] of this.#instances) {
      for (const [key, series] of instance.series) {
        if (nowMs - series.seenMs >= keptMs) this.#forget(instance, key, series);
      }
      if (instance.series.size === 0) this.#instances.delete(instanceId);
    }
  }

  /** Should it come back, it must not be taken for new. */
  #forget({ series, streams }: Instance, key: string, { stream, writers }: Series): void {
    series.delete(key);
    this.#size--;
    for (const { startMs } of writers) {
      this.#sinceMs = Math.max(this.#sinceMs, startMs + 1);
      streams.set(streamKey(startMs, stream), Number.POSITIVE_INFINITY);
    }
  }
}

function streamKey(startMs: number, stream: string): string {
  return `${startMs} ${stream}`;
}

/** For one more writer: of those that ended before it began, or are silent, the one that was heard first goes. */
function makePlace(series: Series, startMs: number, nowMs: number): boolean {
  const { writers } = series;
  if (writers.length < WRITERS_MAX) return true;
  const gone = writers
    .filter(({ timeMs, seenMs }) => timeMs <= startMs || nowMs - seenMs >= WRITER_SILENT_MS)
    .reduce<Writer | null>((a, b) => (a === null || b.seenMs < a.seenMs ? b : a), null);
  if (gone === null) return false;
  writers.splice(writers.indexOf(gone), 1);
  series.forgottenMs = Math.max(series.forgottenMs, gone.startMs);
  return true;
}

const TOO_MANY_SERIES: Step = {
  kind: 'refused',
  reason: `of more series than are followed (${SERIES_MAX_PER_INSTANCE} of one sender, ${SERIES_MAX} of all)`,
};
const TOO_MANY_WRITERS: Step = {
  kind: 'refused',
  reason: `of more than ${WRITERS_MAX} processes that send as one: give each its own service.instance.id`,
};

function advance(writer: Writer, figures: Figures | null, timeMs: number, nowMs: number): Step {
  writer.seenMs = nowMs;
  const isClockSetBack = writer.timeMs > nowMs + CLOCK_AHEAD_MS && timeMs !== writer.timeMs;
  if (timeMs <= writer.timeMs && !isClockSetBack) return { kind: 'known' };
  const afterMs = Math.min(writer.timeMs, timeMs);
  if (figures === null) return { kind: 'known' };
  const gain = gained(writer.figures, figures);
  writer.timeMs = timeMs;
  writer.figures = figures;
  if (gain === 'changed') return { kind: 'baseline' };
  return { kind: 'gained', figures: gain === 'fell' ? figures : gain, afterMs, untilMs: timeMs };
}
