import type { Attributes } from '../../core/frame.ts';
import type { MetricFamily, MetricSeries, ScalarSeries } from '../metric-family.ts';
import { type Label, LabelNames, labelText } from './names.ts';

/** What a pause comes after, where work leaves no chunk behind. */
export const SERIES_PER_PAUSE = 256;
/** Output is handed out in pieces of about this size: well under a millisecond of work each. */
export const CHUNK_LENGTH = 16 * 1024;

/** Writes families in one format. `name` and `unit` of what it gets are Prometheus' by now. */
export interface FamilyWriter {
  write(family: MetricFamily): Generator<string | Uint8Array>;
  /** Series left out so far, because their labels were taken. */
  readonly omitted: number;
}

/** The series of one family, each with its labels, none of them twice. */
export class DistinctSeries {
  omitted = 0;
  readonly #names: LabelNames;
  readonly #taken = new Set<string>();

  constructor(kind: MetricFamily['kind']) {
    this.#names = new LabelNames(kind === 'histogram' ? 'le' : null);
  }

  /** The labels and their text; `null` where another series has them. */
  labelled(attributes: Attributes): { readonly labels: readonly Label[]; readonly text: string } | null {
    const labels = this.#names.labels(attributes);
    const text = labelText(labels);
    if (this.#taken.has(text)) {
      this.omitted++;
      return null;
    }
    this.#taken.add(text);
    return { labels, text };
  }
}

export function isScalar(series: MetricSeries): series is ScalarSeries {
  return 'value' in series;
}
