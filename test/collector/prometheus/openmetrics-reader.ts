import assert from 'node:assert/strict';

/** One line of samples of OpenMetrics. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: { readonly traceId: string; readonly value: number; readonly seconds: number } | null;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string | null;
  readonly unit: string | null;
  readonly samples: readonly Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"`;
const NUMBER = String.raw`NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]\d+)?`;
const SAMPLE = new RegExp(
  `^([a-zA-Z_:][\\w:]*)(?:\\{((?:${LABEL})(?:,${LABEL})*)\\})? (${NUMBER})` +
    `(?: # \\{(${LABEL})\\} (${NUMBER}) (\\d+\\.\\d+))?$`,
  'su',
);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  info: ['_info'],
  histogram: ['_bucket', '_sum', '_count', '_created'],
};
/** Of an exemplar's labels, names and values together. */
const EXEMPLAR_CHARACTERS_MAX = 128;

/**
 * Reads OpenMetrics 1.0 strictly, by its specification: what it does not allow, or this product does not write, is an error.
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function readOpenMetrics(text: string): Family[] {
  assert.ok(text.endsWith('# EOF\n'), 'ends with # EOF');
  const families: (Family & { samples: Sample[] })[] = [];
  let metadata: Record<string, string> = {};
  let began = false;
  for (const line of text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1)) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/su.exec(line) ?? [];
    if (kind === undefined) {
      const family = began ? families.at(-1) : undefined;
      if (family === undefined) assert.fail(`a sample before its TYPE: ${line}`);
      family.samples.push(sampleOf(line, family));
      metadata = {};
      continue;
    }
    assert.match(name, NAME);
    if (metadata['name'] !== name) {
      assert.ok(!families.some((family) => family.name === name), `${name} comes twice`);
      metadata = { name };
    }
    assert.ok(!(kind in metadata), `${kind} of ${name} comes twice`);
    metadata[kind] = rest;
    if (kind === 'TYPE') {
      families.push({ name, type: rest, help: metadata['HELP'] ?? null, unit: null, samples: [] });
      began = true;
    }
    if (kind === 'UNIT') {
      assert.ok(name.endsWith(`_${rest}`), `${name} ends in its unit ${rest}`);
      families.push({ ...(families.pop() ?? assert.fail('UNIT before TYPE')), unit: rest });
    }
  }
  for (const family of families) checkFamily(family);
  return families;
}

function sampleOf(line: string, { name: family, type }: Family): Sample {
  const match = SAMPLE.exec(line);
  assert.ok(match, `not a sample: ${JSON.stringify(line)}`);
  const [, name = '', labels = '', value = '', exemplarLabel, exemplarValue, seconds] = match;
  const suffix = name.slice(family.length);
  assert.ok(name.startsWith(family) && SUFFIXES[type]?.includes(suffix), `${name} of ${type} ${family}`);
  if (exemplarLabel === undefined) {
    return { name, labels: labelsOf(labels), value: numberOf(value), exemplar: null };
  }
  assert.equal(suffix, '_bucket', 'an exemplar of something else');
  const traceId = labelsOf(exemplarLabel)['trace_id'] ?? assert.fail('an exemplar of no trace');
  assert.ok('trace_id'.length + traceId.length <= EXEMPLAR_CHARACTERS_MAX);
  const exemplar = { traceId, value: numberOf(exemplarValue ?? ''), seconds: Number(seconds) };
  return { name, labels: labelsOf(labels), value: numberOf(value), exemplar };
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/gs)) {
    assert.ok(!(name in labels), `the label ${name} twice`);
    labels[name] = value.replaceAll(/\\(.)/gs, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}

const numberOf = (text: string) => Number(text.replace('Inf', 'Infinity'));

function checkFamily({ name, type, samples }: Family): void {
  const seen = new Set<string>();
  let before: string | null = null;
  const ended = new Set<string>();
  for (const sample of samples) {
    const { le: _, ...set } = sample.labels;
    const metric = JSON.stringify(Object.entries(set).sort());
    const key = `${sample.name} ${metric} ${sample.labels['le']}`;
    assert.ok(!seen.has(key), `twice: ${key}`);
    seen.add(key);
    // The samples of one metric stand together.
    if (before !== null && before !== metric) ended.add(before);
    assert.ok(!ended.has(metric), `${metric} of ${name} is interrupted`);
    before = metric;
    if (sample.name.endsWith('_total')) assert.ok(sample.value >= 0);
    if (type === 'info') assert.equal(sample.value, 1);
    if (sample.name.endsWith('_created')) assert.ok(sample.value > 0);
  }
  if (type === 'histogram') for (const metric of metricsOf(samples)) checkHistogram(metric);
}

function metricsOf(samples: readonly Sample[]): Sample[][] {
  const metrics = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...set } = sample.labels;
    const key = JSON.stringify(Object.entries(set).sort());
    metrics.set(key, [...(metrics.get(key) ?? []), sample]);
  }
  return [...metrics.values()];
}

function checkHistogram(samples: readonly Sample[]): void {
  const buckets = samples.filter(({ name }) => name.endsWith('_bucket'));
  assert.equal(buckets.at(-1)?.labels['le'], '+Inf');
  const count = samples.find(({ name }) => name.endsWith('_count'));
  assert.equal(count?.value, buckets.at(-1)?.value);
  assert.equal(samples.filter(({ name }) => name.endsWith('_sum')).length, 1);
  let [below, boundary] = [0, Number.NEGATIVE_INFINITY];
  for (const { labels, value, exemplar } of buckets) {
    const le = numberOf(labels['le'] ?? '');
    assert.ok(le === Number.POSITIVE_INFINITY || /[.e]/.test(labels['le'] ?? ''), 'a boundary is a float');
    assert.ok(le > boundary, 'boundaries rise');
    assert.ok(value >= below, 'counts do not fall');
    if (exemplar !== null)
      assert.ok(exemplar.value <= le && exemplar.value > boundary, 'an exemplar in its bucket');
    [below, boundary] = [value, le];
  }
}
