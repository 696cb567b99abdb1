import type { MetricsState } from '../../../../src/client/index.ts';
import type { HistoryAnswer } from '../../../../src/core/history/query.ts';
import type { Navigation } from './navigation.svelte.ts';
import {
  type PresetId,
  presetOf,
  type Range,
  type Stretch,
  shifted,
  spanMsOf,
  stretchOf,
  widened,
  youngStretch,
} from './range.ts';
import { type Zone, zoneOf } from './zone.ts';

/** Clocks a little apart are left as they are: a correction would make charts jump. */
const OFFSET_MIN_MS = 2000;
/** A moving range is redrawn when it has moved by a pixel or so. */
const STEPS_PER_SPAN = 900;
/** A rate over less would be of one event or none. */
const OBSERVED_MIN_MS = 1000;

/** What moves the range: this clock, and by the newest snapshot how far the collector's is ahead. */
interface Clock {
  readonly now: number;
  readonly state: Pick<MetricsState, 'snapshot' | 'lastUpdated'>;
}

/** When the page is about: the range of the address at this moment, and how to write times. */
export class TimeRange {
  readonly #navigation: Navigation;
  readonly #clock: Clock;
  readonly range: Range = $derived.by(() => this.#navigation.view.range);
  readonly zone: Zone = $derived.by(() => zoneOf(this.#navigation.view.tz));
  readonly isLive: boolean = $derived.by(() => this.range.kind === 'last' && this.range.id === 'live');
  /** The range moves with the clock. */
  readonly endsNow: boolean = $derived.by(() => this.range.kind === 'last');
  readonly #nowMs: number = $derived.by(() => {
    const exactMs = this.#clock.now + this.#offsetMs;
    const young = this.#youngAt(exactMs);
    const spanMs = young === null ? spanMsOf(this.range) : young.toMs - young.fromMs;
    const step = Math.max(1000, Math.floor(spanMs / STEPS_PER_SPAN));
    return Math.floor(exactMs / step) * step;
  });
  readonly #young: Stretch | null = $derived.by(() => this.#youngAt(this.#nowMs));
  /** What the charts' time axes show. */
  readonly stretch: Stretch = $derived.by(
    () => this.#young ?? stretchOf(this.range, this.range.kind === 'last' ? this.#nowMs : 0),
  );
  /** How long that is, in milliseconds: a range that begins before there was anything is shorter than it says. */
  readonly spanMs: number = $derived.by(() =>
    this.#young === null ? spanMsOf(this.range) : this.stretch.toMs - this.stretch.fromMs,
  );
  /** How much of it was watched, in milliseconds: what rates are over. */
  readonly observedMs: number = $derived.by(() => {
    const { fromMs, toMs } = this.stretch;
    return Math.max(
      OBSERVED_MIN_MS,
      Math.min(toMs, this.#nowMs) - Math.max(fromMs, this.#firstRowMs ?? fromMs),
    );
  });
  /** When the oldest row is of, where the range begins before it and ends at now; `null`: all of the range is shown. */
  readonly sinceMs: number | null = $derived.by(() => (this.#young === null ? null : this.#firstRowMs));
  /** `last hour`, since when there is anything, or from when to when. */
  readonly words: string = $derived.by(() => {
    const { range, sinceMs, zone } = this;
    if (sinceMs !== null) return `since the first row: ${zone.full(sinceMs)}`;
    if (range.kind === 'last') return presetOf(range.id).words;
    return `${zone.full(range.fromMs)} – ${zone.full(range.toMs)}`;
  });
  /** The period of the same length before, from when to when. */
  readonly wordsBefore: string = $derived.by(() => {
    const { fromMs } = this.stretch;
    const words = (ms: number) => `${this.zone.day(ms)}, ${this.zone.clock(ms)}`;
    return `${words(fromMs - spanMsOf(this.range))} – ${words(fromMs)}`;
  });
  /** How far the collector's clock is ahead of this one. */
  readonly #offsetMs: number = $derived.by(() => {
    const { snapshot, lastUpdated } = this.#clock.state;
    if (snapshot === null || lastUpdated === null) return 0;
    const offset = Date.parse(snapshot.timestamp) - lastUpdated.getTime();
    return Math.abs(offset) > OFFSET_MIN_MS ? offset : 0;
  });

  #firstRowMs: number | null;

  constructor(navigation: Navigation, clock: Clock) {
    this.#navigation = navigation;
    this.#clock = clock;
    this.#firstRowMs = $state(null);
  }

  /** What an answer of history says of the oldest row. */
  sawFirstRow({ first_row: at }: Pick<HistoryAnswer, 'first_row'>): void {
    const atMs = at === undefined ? Number.NaN : Date.parse(at);
    this.#firstRowMs = Number.isFinite(atMs) ? atMs : null;
  }

  /** Whoever compares wants whole periods. */
  #youngAt(nowMs: number): Stretch | null {
    return this.#navigation.view.compare ? null : youngStretch(this.range, this.#firstRowMs, nowMs);
  }

  last(id: PresetId): void {
    this.#show({ kind: 'last', id });
  }

  resume(): void {
    this.last('live');
  }

  earlier(): void {
    this.#show(shifted(this.stretch, -1));
  }

  later(): void {
    this.#show(shifted(this.stretch, 1));
  }

  widen(): void {
    this.#show(widened(this.stretch));
  }

  #show(range: Range | null): void {
    if (range !== null) this.#navigation.show({ range });
  }
}
