import type { Distribution } from '../../../core/histogram.ts';
import type { PipelineSnapshot } from '../../../core/snapshot.ts';
import { type Milliseconds, milliseconds, SECOND_MS } from '../../../core/units.ts';
import type { HostSample } from '../../host/host-sample.ts';
import type { SeriesSource } from '../earlier.ts';
import type { Instance } from '../instances.ts';
import type { HistogramSeries } from '../series.ts';
import { mergeDistributions, slotAt } from '../sliding.ts';

/** Everything a snapshot is made of, at one moment. */
export interface LiveView {
  /** Counters and histograms of before this process included. */
  readonly store: SeriesSource;
  readonly nowMs: Milliseconds;
  readonly windowMs: Milliseconds;
  /** Since when the figures of the window were counted: this start, or earlier where they were read back. */
  readonly sinceMs: Milliseconds;
  readonly host: HostSample;
  readonly instances: readonly Instance[];
  readonly pipeline: PipelineSnapshot;
}

/** A rate over less than this says more about chance than about traffic. */
const RATE_SPAN_MIN_MS = 10 * SECOND_MS;

/** What a rate of the window is taken over: the window, or as much of it as has been watched. */
export function rateSpanMs({ nowMs, windowMs, sinceMs }: LiveView): Milliseconds {
  return milliseconds(Math.min(windowMs, Math.max(RATE_SPAN_MIN_MS, nowMs - sinceMs)));
}

/** The window's distribution over some series of a histogram. */
export function windowOf(view: LiveView, series: readonly HistogramSeries[]): Distribution {
  const slot = slotAt(view.nowMs, view.windowMs);
  const [only] = series;
  if (series.length === 1 && only !== undefined) return only.window.distribution(slot);
  return mergeDistributions(series.map((one) => one.window.distribution(slot)));
}
