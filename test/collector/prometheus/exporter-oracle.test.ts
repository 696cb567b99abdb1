import assert from 'node:assert/strict';
import { ValueType } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { HistogramSeries, MetricFamily, ScalarSeries } from '../../../src/collector/metric-family.ts';
import { exposition } from '../../../src/collector/prometheus/exposition.ts';
import { familyName, LABEL_VALUE_LENGTH_MAX } from '../../../src/collector/prometheus/names.ts';
import { targetInfo } from '../../../src/collector/prometheus/target-info.ts';
import type { Attributes } from '../../../src/core/frame.ts';
import { SIGNALS } from '../../../src/core/signals/index.ts';

/**
 * The same metrics through OpenTelemetry's own serializer: what a scraper takes from both is equal, but for these differences, which are meant:
 *
 * 1. Units are part of our names, as the compatibility specification says (`_seconds`, `_bytes`); the serializer's names
 *    have none, and it prints the unit as `# UNIT`, which the text format 0.0.4 does not know (to it that is a comment).
 *    `familyName` is compared with the serializer for metrics without a unit, where both have to agree.
 * 2. A metric without a description has no HELP line of ours; the serializer makes up "description missing".
 * 3. The serializer labels each series with its scope: off here, we have no scopes. Its `target_info` is off as well: ours is
 *    a family of its own and compared as such.
 * 4. Labels are sorted by us, so that equal sets are equal text; their order has no meaning. Empty values are left out by
 *    us: to Prometheus an empty label and an absent one are the same.
 * 5. Attributes that become one label are joined by us (`a;b`), as the specification says; the serializer prints the label
 *    twice, and Prometheus refuses the whole scrape.
 * 6. Names of labels that begin with a digit or an underscore get `key` in front, `le` of a histogram `exported_`; the
 *    serializer prints what Prometheus refuses or takes for its own.
 * 7. Label values are cut at 1,024 characters, and what is no Unicode is replaced.
 * 8. Underscores around a name are cut by us; the serializer keeps them. A colon is kept by us (recording rules of
 *    other systems come in with it), the serializer makes it `_`.
 * 9. Exponential histograms are shown by us with boundaries at the ends of their buckets; the serializer knows only explicit
 *    ones. It is given the same buckets as explicit ones, and writes a boundary as JavaScript does (`1048576`), we as
 *    Prometheus does (`1.048576e+06`).
 * 10. Samples of a histogram come in the order buckets, sum, count, as the format wants it; the serializer begins with count.
 * 11. A family whose samples would have the names of another's (`a` and `a.count`) is left out and counted by us, because
 *     Prometheus would refuse the scrape; the serializer prints both. The same goes for series that become equal.
 */
const serializer = new PrometheusSerializer('', false, undefined, true, true);
const theirs = (families: readonly MetricFamily[]) =>
  serializer.serialize({
    resource: { attributes: {} },
    scopeMetrics: [{ scope: { name: 'test' }, metrics: families.map(metricOf) }],
  } as unknown as ResourceMetrics);
const ours = (families: readonly MetricFamily[]) => [...exposition(families, 'text')].join('');

const TIMES: { startTime: [number, number]; endTime: [number, number] } = {
  startTime: [1, 0],
  endTime: [2, 0],
};

function metricOf({ name, unit, description, kind, series }: MetricFamily): MetricData {
  const base = {
    descriptor: { name, unit, description, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (kind === 'histogram') {
    const all = [...series] as HistogramSeries[];
    const boundaries = boundariesOf(all);
    const dataPoints = all.map((one) => ({
      ...TIMES,
      attributes: one.attributes,
      value: explicit(one, boundaries),
    }));
    return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = ([...series] as ScalarSeries[]).map((one) => ({ ...TIMES, ...one }));
  if (kind === 'gauge') return { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}

/** The ends of all buckets of the doublings from the lowest occupied one to the highest, as all series of a family have them. */
function boundariesOf(all: readonly HistogramSeries[]): number[] {
  const ends = all.flatMap(({ buckets }) => [buckets.offset, buckets.offset + buckets.counts.length - 1]);
  if (ends.length === 0) return [];
  const [low, high] = [Math.floor(Math.min(...ends) / 8) * 8, Math.ceil((Math.max(...ends) + 1) / 8) * 8];
  return Array.from({ length: high - low + 1 }, (_, i) => 2 ** ((low + i) / 8));
}

function explicit({ count, sum, zeroCount, buckets }: HistogramSeries, boundaries: readonly number[]) {
  const counts = [...boundaries, Number.POSITIVE_INFINITY].map((boundary, i) => {
    const index = Math.round(Math.log2(boundary) * 8) - 1;
    return (buckets.counts[index - buckets.offset] ?? 0) + (i === 0 ? zeroCount : 0);
  });
  return { count, sum, buckets: { boundaries: [...boundaries], counts } };
}

interface Exposed {
  readonly types: Record<string, string>;
  readonly help: Record<string, string>;
  /** By name and sorted labels, each as it is written. */
  readonly samples: Record<string, string>;
}

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/gsu;

/** What a scraper takes from a text: lines are told apart, nothing is unescaped. */
function exposed(text: string): Exposed {
  const result: Exposed = { types: {}, help: {}, samples: {} };
  for (const line of text.split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (TYPE|HELP|UNIT) (\S+) (.*)$/su.exec(line) ?? [];
    if (kind === 'TYPE') result.types[name] = rest;
    if (kind === 'HELP' && rest !== 'description missing') result.help[name] = rest;
    if (line === '' || line.startsWith('#')) continue;
    const [, sample = '', labels = '', value = ''] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/su.exec(line) ?? [];
    assert.notEqual(sample, '', `not a sample: ${JSON.stringify(line)}`);
    const shown = [...labels.matchAll(LABEL)]
      .filter(([, , text]) => text !== '')
      .map(([label, name, text]) => (name === 'le' && text !== '+Inf' ? `le="${Number(text)}"` : label));
    const key = `${sample}{${shown.sort().join()}}`;
    assert.ok(!Object.hasOwn(result.samples, key), `twice: ${key}`);
    result.samples[key] = value;
  }
  delete result.types['nervecenter_exposition_omitted_series'];
  delete result.help['nervecenter_exposition_omitted_series'];
  delete result.samples['nervecenter_exposition_omitted_series{}'];
  return result;
}

/** Names both spell alike: see 6 and 8. */
const word = fc.oneof(
  fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,6}$/),
  fc.constantFrom('total', 'count', 'sum', 'bucket', 'info'),
);
const metricName = fc
  .tuple(word, fc.array(fc.tuple(fc.constantFrom('.', '-', '/', '_'), word), { maxLength: 3 }))
  .map(([first, rest]) => first + rest.map(([separator, next]) => separator + next).join(''));
const labelKey = metricName.filter((key) => key !== 'le');
const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({
    unit: fc.constantFrom('\\', '"', '\n', 'n', ' ', '{', '}', ',', '=', 'é', '😀'),
    maxLength: 12,
  }),
);
const attributes: fc.Arbitrary<Attributes> = fc
  .uniqueArray(
    fc.tuple(
      labelKey,
      fc.oneof(text, fc.boolean(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    ),
    { maxLength: 4, selector: ([key]) => key.replaceAll(/\W+/g, '_') },
  )
  .map((pairs) => Object.fromEntries(pairs));
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -0, 1e21, 1e-7, Number.MAX_SAFE_INTEGER),
);
const distinct = <T extends { readonly attributes: Attributes }>(series: fc.Arbitrary<T>) =>
  fc.uniqueArray(series, { minLength: 1, maxLength: 4, selector: ({ attributes: set }) => shownAs(set) });

/** Sets that differ only in what is empty, or in whether a value is a number or its digits, are one series. */
function shownAs(set: Attributes): string {
  const shown = Object.entries(set).filter(([, value]) => value !== '');
  return JSON.stringify(shown.map(([key, value]) => [key.replaceAll(/\W+/g, '_'), String(value)]).sort());
}

const scalar = fc.record({ attributes, value: number });
const histogram = fc
  .record({
    attributes,
    zeroCount: fc.nat(5),
    sum: fc.double({ min: 0, noNaN: true }),
    buckets: fc
      .tuple(
        fc.integer({ min: -170, max: 170 }),
        fc.array(fc.nat(9), { maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
      )
      // A series of the live view begins and ends with a bucket that holds something.
      .map(([offset, counts, last]) => ({ offset, counts: [last, ...counts, last] })),
  })
  .map((rest) => ({ ...rest, count: rest.buckets.counts.reduce((all, n) => all + n, rest.zeroCount) }));

const family: fc.Arbitrary<MetricFamily> = fc
  .tuple(metricName, text)
  .chain(([name, description]) =>
    fc
      .oneof(
        fc.record({ kind: fc.constantFrom('counter' as const, 'gauge' as const), series: distinct(scalar) }),
        fc.record({ kind: fc.constant('histogram' as const), series: distinct(histogram) }),
      )
      .map((rest) => ({ name, description, unit: '', ...rest })),
  );

/** Boundaries of a doubling, its end aside. */
const HALF_TO_ONE = Array.from({ length: 8 }, (_, i) => 2 ** (i / 8 - 1));
const oneSecond: HistogramSeries = {
  attributes: {},
  count: 1,
  sum: 1,
  zeroCount: 0,
  buckets: { offset: -1, counts: [1] },
};

describe('the exposition, beside OpenTelemetry’s own serializer', () => {
  it('shows the same names, types, help, labels, values and buckets', () => {
    fc.assert(
      fc.property(family, (one) => {
        assert.deepEqual(exposed(ours([one])), exposed(theirs([one])));
      }),
      { numRuns: 500 },
    );
  });

  it('shows several families as it shows each', () => {
    // Each begins differently: see 11.
    const families = fc
      .array(family, { maxLength: 5 })
      .map((several) => several.map((one, i) => ({ ...one, name: `f${i}.${one.name}` })));
    fc.assert(
      fc.property(families, (several) => {
        assert.deepEqual(exposed(ours(several)), exposed(theirs(several)));
      }),
    );
  });

  it('shows the documented instruments by the names the serializer has, with their unit behind them', () => {
    const instruments = Object.values(SIGNALS).flatMap((signal) => signal.instruments);
    assert.ok(instruments.length > 30);
    for (const { name, unit, description, kind } of instruments) {
      const series = kind === 'histogram' ? [oneSecond] : [{ attributes: {}, value: 1 }];
      const [mine, other] = [ours, theirs].map((render) =>
        exposed(render([{ name, unit, description, kind, series }])),
      );
      const withoutUnit = Object.fromEntries(
        Object.entries(mine?.types ?? {}).map(([shown, type]) => {
          const suffix = familyName({ name, unit, kind }).name.slice(
            familyName({ name, unit: '', kind }).name.length,
          );
          return [shown.replace(suffix, ''), type];
        }),
      );
      assert.deepEqual(withoutUnit, other?.types, name);
      assert.deepEqual(Object.values(mine?.help ?? {}), Object.values(other?.help ?? {}), name);
      assert.deepEqual(
        Object.values(mine?.samples ?? {}).sort(),
        Object.values(other?.samples ?? {}).sort(),
        name,
      );
    }
  });

  it('shows a resource as the serializer does', () => {
    const resource = { 'service.name': 'rag-app', 'host.name': 'h', 'process.pid': 7 };
    const withTarget = new PrometheusSerializer('', false, undefined, false, true);
    const other = withTarget.serialize({
      resource: { attributes: resource },
      scopeMetrics: [],
    } as unknown as ResourceMetrics);
    const [mine, shown] = [exposed(ours([targetInfo(resource, [])])), exposed(other)];
    assert.deepEqual(mine.samples, shown.samples);
    assert.deepEqual(mine.types, shown.types);
  });

  it('shows this as written here, and the serializer too', () => {
    const latency: MetricFamily = {
      name: 'http.latency',
      unit: '',
      description: 'A \\ and\na line.',
      kind: 'histogram',
      series: [
        {
          attributes: { route: '/a "b"' },
          count: 3,
          sum: 2.5,
          zeroCount: 1,
          buckets: { offset: -1, counts: [2] },
        },
      ],
    };
    const expected: Exposed = {
      types: { http_latency: 'histogram' },
      help: { http_latency: 'A \\\\ and\\na line.' },
      samples: {
        ...Object.fromEntries(
          HALF_TO_ONE.map((le) => [`http_latency_bucket{le="${le}",route="/a \\"b\\""}`, '1']),
        ),
        'http_latency_bucket{le="1",route="/a \\"b\\""}': '3',
        'http_latency_bucket{le="+Inf",route="/a \\"b\\""}': '3',
        'http_latency_sum{route="/a \\"b\\""}': '2.5',
        'http_latency_count{route="/a \\"b\\""}': '3',
      },
    };
    assert.deepEqual(exposed(ours([latency])), expected);
    assert.deepEqual(exposed(theirs([latency])), expected);
  });

  const counter = (name: string, more: Partial<MetricFamily> = {}): MetricFamily => ({
    name,
    unit: '',
    description: 'What it is.',
    kind: 'counter',
    series: [{ attributes: {}, value: 1 }],
    ...more,
  });
  const both = (one: MetricFamily) => [exposed(ours([one])), exposed(theirs([one]))] as const;

  describe('differs on purpose', () => {
    it('1: by the unit in the name', () => {
      const [mine, other] = both(counter('cpu.time', { unit: 's' }));
      assert.deepEqual(Object.keys(mine.samples), ['cpu_time_seconds_total{}']);
      assert.deepEqual(Object.keys(other.samples), ['cpu_time_total{}']);
      assert.match(theirs([counter('cpu.time', { unit: 's' })]), /^# UNIT cpu_time_total s$/m);
      assert.doesNotMatch(ours([counter('cpu.time', { unit: 's' })]), /# UNIT/);
    });

    it('2: by no made-up help', () => {
      assert.doesNotMatch(ours([counter('a', { description: '' })]), /^# HELP a_/m);
      assert.match(theirs([counter('a', { description: '' })]), /^# HELP a_total description missing$/m);
    });

    it('5: by joining attributes that become one label', () => {
      const twice = counter('a', { series: [{ attributes: { 'x.y': '1', x_y: '2' }, value: 1 }] });
      assert.match(ours([twice]), /^a_total\{x_y="1;2"\} 1$/m);
      assert.match(theirs([twice]), /^a_total\{x_y="1",x_y="2"\} 1$/m);
    });

    it('6: by labels that Prometheus would refuse or take for its own', () => {
      const odd = { '0day': 'a', __name__: 'b' };
      const [series] = [{ attributes: odd, value: 1 }];
      assert.match(ours([counter('a', { series: [series] })]), /^a_total\{key_0day="a",key_name_="b"\} 1$/m);
      assert.match(theirs([counter('a', { series: [series] })]), /^a_total\{0day="a",_name_="b"\} 1$/m);
    });

    it('7: by the length of a value', () => {
      const series = [{ attributes: { long: 'x'.repeat(LABEL_VALUE_LENGTH_MAX + 1) }, value: 1 }];
      const lengths = both(counter('a', { series })).map(
        ({ samples }) => Object.keys(samples)[0]?.length ?? 0,
      );
      assert.equal((lengths[1] ?? 0) - (lengths[0] ?? 0), 1);
    });

    it('11: by leaving out what would repeat a sample', () => {
      const empty: HistogramSeries = { ...oneSecond, count: 0, buckets: { offset: 0, counts: [] } };
      const clash: MetricFamily[] = [
        counter('a.count', { kind: 'gauge' }),
        counter('a', { kind: 'histogram', series: [empty] }),
      ];
      assert.equal(ours(clash).match(/^a_count /gm)?.length, 1);
      assert.equal(theirs(clash).match(/^a_count /gm)?.length, 2);
    });

    it('8: by names without underscores around them, and with colons', () => {
      const names = both(counter('_a:b_')).map(({ samples }) => Object.keys(samples)[0]);
      assert.deepEqual(names, ['a:b_total{}', '_a_b__total{}']);
    });
  });
});
