import type { HistogramSeries, MetricFamily, MetricSeries, ScalarSeries } from '../metric-family.ts';
import { escapeText, familyName, LabelWriter } from './names.ts';

/** Media types of the two formats, as scrapers ask for them. */
export const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_TEXT = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Text is handed out in pieces of about this size: well under a millisecond of work each. */
const CHUNK_LENGTH = 16 * 1024;
/** After so many series collected without a line written, an empty chunk gives the caller the chance to pause. */
const SERIES_PER_PAUSE = 256;
/**
 * Boundaries outside 2^-29 (2 ns) to 2^64 are left out, which bounds a family at 94 of them. Buckets are cumulative, so a
 * missing boundary takes nothing from the others: smaller values are in the lowest one, larger ones in `+Inf`.
 */
const DOUBLING_MIN = -30;
const DOUBLING_MAX = 63;

export interface ExpositionOptions {
  /** OpenMetrics 1.0 instead of Prometheus text 0.0.4. */
  readonly openMetrics: boolean;
}

/**
 * The metrics as a scraper reads them, in chunks (some of them empty), so that the caller can let others run in between.
 *
 * Names and labels follow OpenTelemetry's compatibility convention. What would repeat a sample already written (two names
 * or label sets that become equal) is left out, because a scraper would refuse all of it; the last family,
 * `nervecenter_exposition_omitted_series`, says how many.
 */
export function* exposition(families: Iterable<MetricFamily>, options: ExpositionOptions): Generator<string> {
  const writer = new FamilyWriter(options.openMetrics);
  for (const family of families) yield* writer.write(family);
  yield* writer.write({
    name: 'nervecenter.exposition.omitted_series',
    unit: '{series}',
    description: 'Series left out of this scrape because their Prometheus name and labels are taken.',
    kind: 'gauge',
    series: [{ attributes: {}, value: writer.omitted }],
  });
  if (options.openMetrics) yield '# EOF\n';
}

class FamilyWriter {
  /** Series left out so far. */
  omitted = 0;
  readonly #openMetrics: boolean;
  readonly #sampleNames = new Set<string>();

  constructor(openMetrics: boolean) {
    this.#openMetrics = openMetrics;
  }

  *write(family: MetricFamily): Generator<string> {
    const { name, unit } = familyName(family);
    const samples = sampleNames(name, family.kind);
    if (samples.some((sample) => this.#sampleNames.has(sample))) {
      for (const _ of family.series) this.omitted++;
      return;
    }
    for (const sample of samples) this.#sampleNames.add(sample);
    yield this.#metadata(family, name, unit);
    if (family.kind === 'histogram') yield* this.#histograms(name, family.series);
    else yield* this.#scalars(family.kind === 'counter' ? `${name}_total` : name, family.series);
  }

  #metadata(family: MetricFamily, name: string, unit: string): string {
    // The older format names a counter as its samples are named, OpenMetrics as its family is.
    const shown = family.kind === 'counter' && !this.#openMetrics ? `${name}_total` : name;
    const escaped = escapeText(family.description.toWellFormed());
    const help = this.#openMetrics ? escaped.replaceAll('"', '\\"') : escaped;
    let text = help === '' ? '' : `# HELP ${shown} ${help}\n`;
    text += `# TYPE ${shown} ${family.kind}\n`;
    if (this.#openMetrics && unit !== '') text += `# UNIT ${shown} ${unit}\n`;
    return text;
  }

  *#scalars(name: string, series: Iterable<MetricSeries>): Generator<string> {
    const labels = new LabelWriter(null);
    const written = new Set<string>();
    let text = '';
    for (const one of series) {
      if (!isScalar(one)) continue;
      const list = labels.write(one.attributes);
      if (this.#repeats(list, written)) continue;
      text += `${name}${list === '' ? '' : `{${list}}`} ${numberText(one.value)}\n`;
      if (text.length < CHUNK_LENGTH) continue;
      yield text;
      text = '';
    }
    yield text;
  }

  *#histograms(name: string, series: Iterable<MetricSeries>): Generator<string> {
    const all: HistogramSeries[] = [];
    const range: DoublingRange = { lowest: Number.POSITIVE_INFINITY, highest: Number.NEGATIVE_INFINITY };
    for (const one of series) {
      if (isScalar(one)) continue;
      all.push(one);
      widen(range, one);
      if (all.length % SERIES_PER_PAUSE === 0) yield '';
    }
    const boundaries = boundariesOf(range, this.#openMetrics);
    const labels = new LabelWriter('le');
    const written = new Set<string>();
    let text = '';
    for (const one of all) {
      const list = labels.write(one.attributes);
      if (this.#repeats(list, written)) continue;
      text += histogramText(name, list, one, boundaries);
      if (text.length < CHUNK_LENGTH) continue;
      yield text;
      text = '';
    }
    yield text;
  }

  #repeats(list: string, written: Set<string>): boolean {
    if (written.has(list)) {
      this.omitted++;
      return true;
    }
    written.add(list);
    return false;
  }
}

function sampleNames(name: string, kind: MetricFamily['kind']): string[] {
  if (kind === 'gauge') return [name];
  if (kind === 'counter') return [name, `${name}_total`];
  return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
}

function isScalar(series: MetricSeries): series is ScalarSeries {
  return 'value' in series;
}

interface Boundaries {
  /** The doubling whose upper end is the first boundary; 0 when there are no boundaries. */
  readonly lowest: number;
  /** `le="…"` of each boundary, one doubling apart. */
  readonly labels: readonly string[];
}

interface DoublingRange {
  lowest: number;
  highest: number;
}

function widen(range: DoublingRange, { doublings }: HistogramSeries): void {
  for (const [doubling, count] of doublings) {
    if (count === 0) continue;
    if (doubling < range.lowest) range.lowest = doubling;
    if (doubling > range.highest) range.highest = doubling;
  }
}

/**
 * Every series of a family shows the same boundaries, from its lowest occupied doubling to its highest: sums over series
 * (`sum by (le)`) are wrong where one of them lacks a boundary.
 */
function boundariesOf(range: DoublingRange, openMetrics: boolean): Boundaries {
  if (range.lowest > range.highest) return { lowest: 0, labels: [] };
  const lowest = Math.min(DOUBLING_MAX, Math.max(DOUBLING_MIN, range.lowest));
  const highest = Math.min(DOUBLING_MAX, Math.max(DOUBLING_MIN, range.highest));
  const labels: string[] = [];
  for (let doubling = lowest; doubling <= highest; doubling++) {
    labels.push(`le="${boundaryText(2 ** (doubling + 1), openMetrics)}"} `);
  }
  return { lowest, labels };
}

/** OpenMetrics writes boundaries as floating point numbers (`1.0`); in the older format `1` is customary. */
function boundaryText(boundary: number, openMetrics: boolean): string {
  const text = numberText(boundary);
  return openMetrics && /^\d+$/.test(text) ? `${text}.0` : text;
}

function histogramText(
  name: string,
  list: string,
  series: HistogramSeries,
  { lowest, labels }: Boundaries,
): string {
  const bucket = `${name}_bucket{${list}${list === '' ? '' : ','}`;
  const plain = list === '' ? ' ' : `{${list}} `;
  let below = series.zeroCount;
  for (const [doubling, count] of series.doublings) if (doubling < lowest) below += count;
  let text = '';
  for (let i = 0; i < labels.length; i++) {
    below += series.doublings.get(lowest + i) ?? 0;
    text += `${bucket}${labels[i]}${numberText(below)}\n`;
  }
  text += `${bucket}le="+Inf"} ${numberText(series.count)}\n`;
  return `${text}${name}_sum${plain}${numberText(series.sum)}\n${name}_count${plain}${numberText(series.count)}\n`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
