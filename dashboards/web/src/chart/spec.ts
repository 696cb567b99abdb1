import type { SignalName } from '../../../../src/core/signals/index.ts';
import type { Stretch } from '../view/range.ts';
import type { Zone } from '../view/zone.ts';
import type { ChartSeries } from './series.ts';

/**
 * - `line`: the usual; `area`: with the space below it filled, for one series
 * - `stacked`: shares of a whole, on top of each other
 * - `bars`: amounts per step
 */
export type ChartKind = 'line' | 'area' | 'stacked' | 'bars';

export type ChartTone = 'warning' | 'critical' | 'neutral';

/** A stretch of time that is marked, such as an alert that fires. */
export interface ChartBand extends Stretch {
  readonly label: string;
  readonly tone: ChartTone;
}

/** What a line of a chart is about. */
export interface DrawnFigure {
  readonly signal: SignalName;
  readonly measure: string;
  readonly filters?: Readonly<Record<string, string>>;
}

/** A value that matters, drawn across the chart with its name. */
export interface ChartThreshold {
  readonly value: number;
  readonly label: string;
  readonly tone: ChartTone;
}

/** A distribution over time: how many values fell between `bounds[i]` and `bounds[i + 1]` in each bucket of time. */
export interface ChartHeat {
  /** Milliseconds since 1970: where each bucket begins. */
  readonly timesMs: readonly number[];
  readonly stepMs: number;
  /** Growing; one more than rows. Rows are drawn as high as each other. */
  readonly bounds: readonly number[];
  /** By time, then by row. */
  readonly counts: readonly (readonly number[])[];
  readonly format: (value: number) => string;
}

/** All that decides how a chart is drawn; read anew at each drawing. */
export interface ChartSpec {
  readonly kind: ChartKind;
  readonly series: readonly ChartSeries[];
  /** What the time axis shows. */
  readonly stretch: Stretch;
  readonly zone: Zone;
  /** Top of the value axis; `null`: follows the data. */
  readonly max: number | null;
  readonly bands: readonly ChartBand[];
  readonly thresholds: readonly ChartThreshold[];
  readonly heat: ChartHeat | null;
  readonly compact: boolean;
  /** Where the step under way begins, in seconds since 1970; `null`: all are over. */
  readonly partialFrom: number | null;
}
