import { type OlderName, olderName } from '../../core/llm/older-names.ts';
import type { HistogramSpec } from '../../core/signals/instruments.ts';
import type { HistogramSeries, MetricFamily, MetricSeries } from '../metric-family.ts';

/**
 * The families, and beside them those of model calls as the semantic conventions 1.45 name them. They are made of the same
 * series when somebody asks, so nothing is measured, kept or counted twice.
 */
export function* withOlderFamilies(families: Iterable<MetricFamily>): Generator<MetricFamily> {
  const older = new Map<string, OlderFamily>();
  for (const family of families) {
    const named = olderName(family.name);
    if (named === undefined) {
      yield family;
      continue;
    }
    const series = [...family.series];
    const { name } = named.instrument;
    const into = older.get(name) ?? new OlderFamily(named.instrument);
    into.add(series, named.attributes);
    older.set(name, into);
    // A name that both conventions have is told once, as the older one, which knows more calls by it.
    if (family.name !== name) yield { ...family, series };
  }
  for (const family of older.values()) yield family.toFamily();
}

type Buckets = HistogramSeries['buckets'];

class OlderFamily {
  readonly #instrument: HistogramSpec;
  readonly #series = new Map<string, HistogramSeries>();

  constructor(instrument: HistogramSpec) {
    this.#instrument = instrument;
  }

  add(series: readonly MetricSeries[], attributesOf: OlderName['attributes']): void {
    for (const one of series) {
      if ('value' in one) continue;
      const attributes = attributesOf(one.attributes);
      const key = JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
      const known = this.#series.get(key);
      // Copied, since the live view's go on growing while a scrape is written.
      const copy = { ...one, attributes, buckets: { ...one.buckets, counts: [...one.buckets.counts] } };
      this.#series.set(key, known === undefined ? copy : sumOf(known, copy));
    }
  }

  toFamily(): MetricFamily {
    return { ...this.#instrument, series: this.#series.values() };
  }
}

function sumOf(one: HistogramSeries, other: HistogramSeries): HistogramSeries {
  const created = [one.createdMs, other.createdMs].filter((timeMs) => timeMs !== undefined);
  return {
    attributes: one.attributes,
    count: one.count + other.count,
    sum: one.sum + other.sum,
    zeroCount: one.zeroCount + other.zeroCount,
    buckets: sumOfBuckets(one.buckets, other.buckets),
    ...(created.length > 0 && { createdMs: Math.min(...created) }),
    exemplars: [...(one.exemplars ?? []), ...(other.exemplars ?? [])].sort((a, b) => a.timeMs - b.timeMs),
  };
}

function sumOfBuckets(one: Buckets, other: Buckets): Buckets {
  if (one.counts.length === 0) return other;
  if (other.counts.length === 0) return one;
  const offset = Math.min(one.offset, other.offset);
  const end = Math.max(one.offset + one.counts.length, other.offset + other.counts.length);
  const countOf = ({ offset: first, counts }: Buckets, index: number) => counts[index - first] ?? 0;
  const counts = Array.from(
    { length: end - offset },
    (_, i) => countOf(one, offset + i) + countOf(other, offset + i),
  );
  return { offset, counts };
}
