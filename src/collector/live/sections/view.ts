import type { Distribution } from '../../../core/histogram.ts';
import type { HostSample } from '../../../core/host-sample.ts';
import { mergeDistributions, slotAt } from '../../../core/sliding.ts';
import type { PipelineSnapshot } from '../../../core/snapshot.ts';
import type { Milliseconds } from '../../../core/units.ts';
import type { Instance } from '../instances.ts';
import type { SeriesSource } from '../past.ts';
import type { HistogramSeries } from '../store.ts';

/** Everything a snapshot is made of, at one moment. */
export interface LiveView {
  /** Counters and histograms of before this process included. */
  readonly store: SeriesSource;
  readonly nowMs: Milliseconds;
  readonly windowMs: Milliseconds;
  readonly host: HostSample;
  readonly instances: readonly Instance[];
  readonly pipeline: PipelineSnapshot;
}

/** The window's distribution over some series of a histogram. */
export function windowOf(view: LiveView, series: readonly HistogramSeries[]): Distribution {
  const slot = slotAt(view.nowMs, view.windowMs);
  const [only] = series;
  if (series.length === 1 && only !== undefined) return only.window.distribution(slot);
  return mergeDistributions(series.map((one) => one.window.distribution(slot)));
}
