import type { Fact } from '../signals/facts.ts';
import { ofSignals, type SignalName } from '../signals/index.ts';
import type { OneAtATime, Signal } from '../signals/signal.ts';
import { type Dimension, type Measure, VALUE } from './measures.ts';

/** What can be asked of one signal: its declaration (`signals/`) without its SQL. Data only: the dashboard has it as JSON. */
export interface HistorySignal {
  /** What its events are called: as a heading, and within a sentence. */
  readonly title: string;
  readonly plural: string;
  readonly dimensions: readonly Dimension[];
  readonly measures: Readonly<Record<string, Measure>>;
  /** The measure asked first. */
  readonly firstMeasure: string;
  readonly oneAtATime?: OneAtATime;
  /** Rows are made by a timer: the shortest step that has some for certain, in milliseconds. @default any */
  readonly finestStepMs?: number;
  /** The column of a row's duration in milliseconds; `null`: it has none. */
  readonly durationColumn: string | null;
  /** Whether a row can belong to a trace. */
  readonly isTraced: boolean;
  /** Which rows `errors` counts; `null`: none can fail. */
  readonly failed: Fact | null;
}

/** What the history API knows of each signal. */
export const HISTORY: Readonly<Record<SignalName, HistorySignal>> = ofSignals(
  ({ words, columns, history }) => {
    const { dimensions, measures, firstMeasure, oneAtATime, finestStepMs, sums } = history;
    return {
      ...words,
      dimensions: Object.keys(dimensions),
      measures,
      firstMeasure,
      ...(oneAtATime === undefined ? {} : { oneAtATime }),
      ...(finestStepMs === undefined ? {} : { finestStepMs }),
      durationColumn: durationColumn(history),
      isTraced: columns.some(({ name }) => name === 'trace_id'),
      failed: typeof sums['errors'] === 'object' ? sums['errors'] : null,
    };
  },
);

function durationColumn({ fields, measures }: Signal<never>['history']): string | null {
  const own = fields[VALUE]?.value;
  const isDuration = Object.values(measures).some(({ field, unit }) => field === VALUE && unit === 'ms');
  return isDuration && own !== undefined && 'column' in own ? own.column : null;
}
