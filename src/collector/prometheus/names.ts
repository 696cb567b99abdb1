/**
 * Names as Prometheus wants them, from names as OpenTelemetry has them, after "Prometheus and OpenMetrics Compatibility"
 * of the OpenTelemetry specification: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 */
import type { Attributes } from '../../core/frame.ts';
import type { MetricFamily } from '../metric-family.ts';

/** Prometheus' base units by UCUM code; what is not listed keeps its own spelling. */
const UNIT_WORDS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tebibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '%': 'percent',
};

const PER_UNIT_WORDS: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  min: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
};

/** Past this a label's value is cut: a scraper refuses the whole scrape for one value that is too long. */
export const LABEL_VALUE_LENGTH_MAX = 1024;

/** `unit` is empty when the family has none; otherwise `name` ends in `_` and the unit, as OpenMetrics demands. */
export interface FamilyName {
  readonly name: string;
  readonly unit: string;
}

/** Name of a family without the `_total` of its counter samples. */
export function familyName(family: Pick<MetricFamily, 'name' | 'unit' | 'kind'>): FamilyName {
  const unit = unitSuffix(family);
  let name = underscored(family.name, /[^a-zA-Z0-9:]+/g);
  if (family.kind === 'counter' && name.endsWith('_total')) name = name.slice(0, -'_total'.length);
  if (/^\d/.test(name)) name = `_${name}`;
  if (name === '') name = 'unnamed';
  if (unit !== '' && name !== unit && !name.endsWith(`_${unit}`)) name = `${name}_${unit}`;
  // OpenMetrics knows a unit only as a suffix; a metric called just "seconds" has none to show.
  return { name, unit: name === unit ? '' : unit };
}

/** The unit's words; `1` means a ratio, but only a gauge is one, and annotations in braces are not units. */
function unitSuffix({ unit, kind }: Pick<MetricFamily, 'unit' | 'kind'>): string {
  const plain = unit.replaceAll(/\{[^}]*\}/g, '').trim();
  if (plain === '1') return kind === 'gauge' ? 'ratio' : '';
  const slash = plain.indexOf('/');
  if (slash === -1) return unitWord(plain, UNIT_WORDS);
  const main = unitWord(plain.slice(0, slash), UNIT_WORDS);
  const per = unitWord(plain.slice(slash + 1), PER_UNIT_WORDS);
  if (per === '') return main;
  return main === '' ? `per_${per}` : `${main}_per_${per}`;
}

function unitWord(code: string, words: Readonly<Record<string, string>>): string {
  const known = Object.hasOwn(words, code) ? words[code] : undefined;
  return known ?? underscored(code, /[^a-zA-Z0-9]+/g);
}

function underscored(text: string, unsupported: RegExp): string {
  return text.replaceAll(unsupported, '_').replace(/^_+|_+$/g, '');
}

/**
 * A label's name: anything but letters and digits becomes `_`, however many of them. Names that begin with an underscore are kept
 * out of Prometheus' reserved ones: an attribute called `__name__` must not be able to rename its metric.
 */
export function labelName(key: string): string {
  const name = key.replaceAll(/[^a-zA-Z0-9]+/g, '_');
  if (name === '' || /^\d/.test(name)) return `key_${name}`;
  return name.startsWith('_') ? `key${name}` : name;
}

/** One label; the value is not escaped. */
export type Label = readonly [name: string, value: string];

/** Turns attribute sets into labels, names sorted, so that equal sets give equal labels. */
export class LabelNames {
  readonly #names = new Map<string, string>();
  readonly #reserved: string | null;

  /** @param reserved a label the metric needs for itself; an attribute of that name gets `exported_` in front. */
  constructor(reserved: string | null) {
    this.#reserved = reserved;
  }

  labels(attributes: Attributes): Label[] {
    const labels = new Map<string, string>();
    // Attributes whose names collide are joined with ";" in the order of their original keys, as the convention says.
    for (const key of Object.keys(attributes).sort()) {
      const value = String(attributes[key]);
      // To Prometheus an empty label and an absent one are the same.
      if (value === '') continue;
      const name = this.#name(key);
      const other = labels.get(name);
      labels.set(name, other === undefined ? value : `${other};${value}`);
    }
    return [...labels.keys()].sort().map((name): Label => [name, bounded(labels.get(name) ?? '')]);
  }

  #name(key: string): string {
    let name = this.#names.get(key);
    if (name === undefined) {
      name = labelName(key);
      if (name === this.#reserved) name = `exported_${name}`;
      this.#names.set(key, name);
    }
    return name;
  }
}

/** Labels as text (`a="1",b="2"`). */
export function labelText(labels: readonly Label[]): string {
  let text = '';
  for (const [name, value] of labels) text += `${text === '' ? '' : ','}${name}="${escapeLabelValue(value)}"`;
  return text;
}

function bounded(value: string): string {
  const cut = value.length > LABEL_VALUE_LENGTH_MAX ? value.slice(0, LABEL_VALUE_LENGTH_MAX) : value;
  // A lone surrogate has no UTF-8 form.
  return cut.isWellFormed() ? cut : cut.toWellFormed();
}

function escapeLabelValue(value: string): string {
  return /[\\"\n]/.test(value) ? escapeText(value).replaceAll('"', '\\"') : value;
}

/** Escapes what would end a line or be read as an escape itself. */
export function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
