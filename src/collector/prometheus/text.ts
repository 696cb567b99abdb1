/** Prometheus' text format 0.0.4, and OpenMetrics 1.0: https://prometheus.io/docs/specs/om/open_metrics_spec/ */
import type { Exemplar } from '../../core/frame.ts';
import type { HistogramSeries, MetricFamily, MetricSeries } from '../metric-family.ts';
import {
  CHUNK_LENGTH,
  DistinctSeries,
  type FamilyWriter,
  isScalar,
  SERIES_PER_PAUSE,
} from './family-writer.ts';
import { cumulativeCounts, exemplarsByRung, type Ladder, ladderOf } from './ladder.ts';
import { escapeText } from './names.ts';

/** From a million on, and below a ten-thousandth, with an exponent: `%g` of C. */
const DECIMAL_MIN = 1e-4;
const DECIMAL_MAX = 1e6;

export class TextWriter implements FamilyWriter {
  omitted = 0;
  readonly #openMetrics: boolean;

  constructor(openMetrics: boolean) {
    this.#openMetrics = openMetrics;
  }

  *write(family: MetricFamily): Generator<string> {
    const distinct = new DistinctSeries(family.kind);
    yield this.#metadata(family);
    if (family.kind === 'histogram') yield* this.#histograms(family, distinct);
    else yield* this.#scalars(family, distinct);
    this.omitted += distinct.omitted;
  }

  #metadata({ name, unit, description, kind }: MetricFamily): string {
    // The older format names a family as its samples are named, and knows no info.
    const shown = this.#openMetrics ? name : `${name}${suffixOf(kind)}`;
    const type = kind === 'info' && !this.#openMetrics ? 'gauge' : kind;
    const escaped = escapeText(description.toWellFormed());
    const help = this.#openMetrics ? escaped.replaceAll('"', '\\"') : escaped;
    let text = help === '' ? '' : `# HELP ${shown} ${help}\n`;
    text += `# TYPE ${shown} ${type}\n`;
    if (this.#openMetrics && unit !== '') text += `# UNIT ${shown} ${unit}\n`;
    return text;
  }

  *#scalars({ name, kind, series }: MetricFamily, distinct: DistinctSeries): Generator<string> {
    const sample = `${name}${suffixOf(kind)}`;
    let text = '';
    for (const one of series) {
      if (!isScalar(one)) continue;
      const list = distinct.labelled(one.attributes)?.text;
      if (list === undefined) continue;
      const plain = list === '' ? ' ' : `{${list}} `;
      text += `${sample}${plain}${numberText(one.value)}\n${this.#created(name, plain, one)}`;
      if (text.length < CHUNK_LENGTH) continue;
      yield text;
      text = '';
    }
    yield text;
  }

  *#histograms({ name, series }: MetricFamily, distinct: DistinctSeries): Generator<string> {
    const all: HistogramSeries[] = [];
    for (const one of series) {
      if (isScalar(one)) continue;
      all.push(one);
      if (all.length % SERIES_PER_PAUSE === 0) yield '';
    }
    const rungs = rungsOf(ladderOf(all), this.#openMetrics);
    let text = '';
    for (const one of all) {
      const list = distinct.labelled(one.attributes)?.text;
      if (list === undefined) continue;
      text += this.#histogram(name, list, one, rungs);
      if (text.length < CHUNK_LENGTH) continue;
      yield text;
      text = '';
    }
    yield text;
  }

  #histogram(name: string, list: string, series: HistogramSeries, { ladder, labels }: Rungs): string {
    const bucket = `${name}_bucket{${list}${list === '' ? '' : ','}`;
    const plain = list === '' ? ' ' : `{${list}} `;
    const shown = this.#openMetrics ? (series.exemplars ?? NO_EXEMPLARS) : NO_EXEMPLARS;
    const exemplars = exemplarsByRung(shown, ladder);
    const counts = cumulativeCounts(series, ladder);
    let text = '';
    for (let rung = 0; rung < counts.length; rung++) {
      text += `${bucket}${labels[rung]}${counts[rung]}${exemplarText(exemplars.get(rung))}\n`;
    }
    text += `${bucket}le="+Inf"} ${series.count}${exemplarText(exemplars.get(counts.length))}\n`;
    text += `${name}_sum${plain}${numberText(series.sum)}\n${name}_count${plain}${series.count}\n`;
    return text + this.#created(name, plain, series);
  }

  #created(name: string, plain: string, { createdMs }: Pick<MetricSeries, 'createdMs'>): string {
    if (!this.#openMetrics || createdMs === undefined) return '';
    return `${name}_created${plain}${secondsText(createdMs)}\n`;
  }
}

function suffixOf(kind: MetricFamily['kind']): string {
  if (kind === 'counter') return '_total';
  return kind === 'info' ? '_info' : '';
}

interface Rungs {
  readonly ladder: Ladder;
  /** `le="…"} ` of each boundary. */
  readonly labels: readonly string[];
}

function rungsOf(ladder: Ladder, openMetrics: boolean): Rungs {
  const labels = ladder.boundaries.map((boundary) => {
    const text = boundaryText(boundary);
    // OpenMetrics writes boundaries as floating point numbers (`1.0`); in the older format `1` is customary.
    return `le="${openMetrics && /^\d+$/.test(text) ? `${text}.0` : text}"} `;
  });
  return { ladder, labels };
}

const NO_EXEMPLARS: readonly Exemplar[] = [];

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return '';
  const { value, traceId, timeMs } = exemplar;
  return ` # {trace_id="${traceId}"} ${numberText(value)} ${secondsText(timeMs)}`;
}

/** Numbers as both text formats write them. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

/**
 * A boundary of a bucket as OpenMetrics wants it and Prometheus itself writes it where it makes the label: `le` is compared as
 * text, so it must be the same whatever format is scraped.
 */
function boundaryText(boundary: number): string {
  if (boundary >= DECIMAL_MIN && boundary < DECIMAL_MAX) return String(boundary);
  const [digits = '', exponent = ''] = boundary.toExponential().split('e');
  const magnitude = exponent.slice(1).padStart(2, '0');
  return `${digits}e${exponent.charAt(0)}${magnitude}`;
}

/** Seconds with milliseconds behind the point. */
function secondsText(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}
