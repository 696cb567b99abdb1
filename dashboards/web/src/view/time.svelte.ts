import type { MetricsState } from '../../../../src/client/index.ts';
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
} from './range.ts';
import { type Zone, zoneOf } from './zone.ts';

/** Clocks a little apart are left as they are: a correction would make charts jump. */
const OFFSET_MIN_MS = 2000;
/** A moving range is redrawn when it has moved by a pixel or so. */
const STEPS_PER_SPAN = 900;

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
    const step = Math.max(1000, Math.floor(spanMsOf(this.range) / STEPS_PER_SPAN));
    return Math.floor((this.#clock.now + this.#offsetMs) / step) * step;
  });
  /** What the charts' time axes show. */
  readonly stretch: Stretch = $derived.by(() =>
    stretchOf(this.range, this.range.kind === 'last' ? this.#nowMs : 0),
  );
  /** `last hour`, or from when to when. */
  readonly words: string = $derived.by(() => {
    const { range, zone } = this;
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

  constructor(navigation: Navigation, clock: Clock) {
    this.#navigation = navigation;
    this.#clock = clock;
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
