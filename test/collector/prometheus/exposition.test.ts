import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { HistogramSeries, MetricFamily } from '../../../src/collector/metric-family.ts';
import { exposition } from '../../../src/collector/prometheus/exposition.ts';
import { familyName, LABEL_VALUE_LENGTH_MAX, labelName } from '../../../src/collector/prometheus/names.ts';

const golden = (name: string) => readFileSync(join(import.meta.dirname, 'exposition.golden', name), 'utf8');
const render = (families: Iterable<MetricFamily>, openMetrics = false) =>
  [...exposition(families, openMetrics ? 'openmetrics' : 'text')].join('');

const BEGAN_MS = 1_794_700_800_123;
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const FAMILIES: readonly MetricFamily[] = [
  {
    name: 'target',
    unit: '',
    description: 'Resources of the figures.',
    kind: 'info',
    series: [{ attributes: { 'service.name': 'rag-app', 'host.name': 'h' }, value: 1 }],
  },
  {
    name: 'http.server.request.duration',
    unit: 's',
    description: 'Duration of HTTP server requests.',
    kind: 'histogram',
    series: [
      histogram({ 'http.route': '/users/:id', 'http.response.status_code': 200 }, 1, [-9, 4], [-1, 5]),
      {
        ...histogram({ 'http.route': '/ask', 'http.response.status_code': 503 }, 0, [15, 2]),
        createdMs: BEGAN_MS,
        exemplars: [
          { value: 3.9, traceId: TRACE_ID.replace('0', '1'), timeMs: BEGAN_MS },
          { value: 3.8, traceId: TRACE_ID, timeMs: BEGAN_MS + 1000 },
          { value: 5, traceId: TRACE_ID, timeMs: BEGAN_MS + 2000 },
        ],
      },
    ],
  },
  {
    name: 'gen_ai.client.token.usage',
    unit: '{token}',
    description: 'Tokens per call.',
    kind: 'histogram',
    series: [histogram({}, 3)],
  },
  {
    name: 'nervecenter.llm.cost',
    unit: 'USD',
    description: 'Cost of calls whose price is known.',
    kind: 'counter',
    series: [{ attributes: { 'gen_ai.request.model': 'gpt "x"\\y\nz' }, value: 0.0123, createdMs: BEGAN_MS }],
  },
  {
    name: 'nodejs.eventloop.utilization',
    unit: '1',
    description: 'A \\ and a "quote"\nand a line.',
    kind: 'gauge',
    series: [
      { attributes: {}, value: 0.25 },
      { attributes: { state: 'unknown' }, value: Number.NaN },
      { attributes: { state: 'high' }, value: Number.POSITIVE_INFINITY },
      { attributes: { state: 'low' }, value: Number.NEGATIVE_INFINITY },
    ],
  },
  {
    name: 'process.cpu.time',
    unit: 's',
    description: '',
    kind: 'counter',
    series: [{ attributes: { 'cpu.mode': 'user', cpu_mode: 'b', empty: '' }, value: 12 }],
  },
];

/** @param buckets bucket and count, in the order of the buckets. */
function histogram(
  attributes: HistogramSeries['attributes'],
  zeroCount: number,
  ...buckets: [number, number][]
): HistogramSeries {
  const count = buckets.reduce((sum, [, n]) => sum + n, zeroCount);
  const offset = buckets[0]?.[0] ?? 0;
  const counts = new Array<number>((buckets.at(-1)?.[0] ?? -1) - offset + 1).fill(0);
  for (const [index, n] of buckets) counts[index - offset] = n;
  return { attributes, count, sum: count / 4, zeroCount, buckets: { offset, counts } };
}

describe('exposition', () => {
  it('writes Prometheus text 0.0.4', () => {
    assert.equal(render(FAMILIES), golden('prometheus.txt'));
  });

  it('writes OpenMetrics 1.0', () => {
    assert.equal(render(FAMILIES, true), golden('openmetrics.txt'));
  });

  it('ends OpenMetrics with # EOF even when there is nothing to say', () => {
    assert.match(render([], true), /\n# EOF\n$/);
    assert.doesNotMatch(render([]), /EOF/);
  });

  it('comes in chunks that are each small, however many series there are', () => {
    const series = Array.from({ length: 3000 }, (_, i) =>
      histogram({ route: `/r/${i}` }, 0, [-8, 1], [3, 2]),
    );
    const family: MetricFamily = { name: 'd', unit: 's', description: '', kind: 'histogram', series };
    const chunks = [...exposition([family], 'text')];
    assert.ok(chunks.length > 50);
    assert.ok(chunks.every((chunk) => chunk.length < 32 * 1024));
  });

  it('shows the same boundaries for every series of a family and never a bucket above the next', () => {
    const text = render([FAMILIES[1] as MetricFamily]);
    const boundaries = (route: string) =>
      parse(text)
        .filter((sample) => sample.name.endsWith('_bucket') && sample.labels['http_route'] === route)
        .map((sample) => sample.labels['le']);
    const ends = Array.from({ length: 33 }, (_, i) => String(2 ** (i / 8 - 2)));
    assert.deepEqual(boundaries('/ask'), boundaries('/users/:id'));
    assert.deepEqual(boundaries('/ask'), [...ends, '+Inf']);
  });

  it('leaves out and counts what would repeat a name or a label set', () => {
    const counter = (name: string, ...attributes: Record<string, string>[]): MetricFamily => ({
      name,
      unit: '',
      description: '',
      kind: 'counter',
      series: attributes.map((set) => ({ attributes: set, value: 1 })),
    });
    const gauge: MetricFamily = { ...counter('a.b.total', {}), kind: 'gauge' };
    const text = render([
      counter('a.b', { 'x.y': '1' }, { x_y: '1' }, { x_y: '2' }),
      counter('a_b', {}, {}),
      gauge,
    ]);
    assert.equal(text.match(/# TYPE a_b_total/g)?.length, 1);
    assert.equal(parse(text).filter(({ name }) => name === 'a_b_total').length, 2);
    assert.match(text, /^nervecenter_exposition_omitted_series 4$/m);
  });

  it('does not let an attribute take the place of a label the histogram needs', () => {
    const family = { name: 'd', unit: '', description: '', kind: 'histogram' as const };
    const text = render([{ ...family, series: [histogram({ le: 'mine' }, 0, [0, 1])] }]);
    assert.match(text, /^d_bucket\{exported_le="mine",le="2"\} 1$/m);
  });
});

describe('familyName', () => {
  const cases: [MetricFamily['kind'], string, string, string][] = [
    ['histogram', 'http.server.request.duration', 's', 'http_server_request_duration_seconds'],
    ['gauge', 'system.memory.usage', 'By', 'system_memory_usage_bytes'],
    ['gauge', 'process.memory.bytes', 'By', 'process_memory_bytes'],
    ['gauge', 'system.cpu.utilization', '1', 'system_cpu_utilization_ratio'],
    ['gauge', 'hit.ratio', '1', 'hit_ratio'],
    ['counter', 'errors', '1', 'errors'],
    ['counter', 'requests.total', '{request}', 'requests'],
    ['counter', 'cpu_seconds_total', 's', 'cpu_seconds'],
    ['counter', 'total', '', 'total'],
    ['gauge', 'network.speed', 'By/s', 'network_speed_bytes_per_second'],
    ['gauge', 'disk.used', '%', 'disk_used_percent'],
    ['gauge', 'queue.rate', '{item}/s', 'queue_rate_per_second'],
    ['counter', 'nervecenter.llm.cost', 'USD', 'nervecenter_llm_cost_USD'],
    ['gauge', 'a..b--c', '', 'a_b_c'],
    ['gauge', '9lives', '', '_9lives'],
    ['gauge', '', '', 'unnamed'],
    ['gauge', 'odd', 'constructor', 'odd_constructor'],
  ];
  for (const [kind, name, unit, expected] of cases) {
    it(`${kind} "${name}" in "${unit}" is ${expected}`, () => {
      assert.equal(familyName({ kind, name, unit }).name, expected);
    });
  }

  it('always gives a valid name that ends in its unit', () => {
    const kinds = fc.constantFrom('counter' as const, 'gauge' as const, 'histogram' as const);
    fc.assert(
      fc.property(kinds, fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (kind, name, unit) => {
        const result = familyName({ kind, name, unit });
        assert.match(result.name, /^[a-zA-Z_:][a-zA-Z0-9_:]*$/);
        if (result.unit !== '') assert.ok(result.name.endsWith(`_${result.unit}`));
      }),
    );
  });
});

describe('labelName', () => {
  it('keeps out of the reserved names', () => {
    assert.equal(labelName('__name__'), 'key_name_');
    assert.equal(labelName('a..b__c'), 'a_b_c');
    assert.equal(labelName('0day'), 'key_0day');
    assert.equal(labelName('http.route'), 'http_route');
    assert.equal(labelName(''), 'key_');
  });
});

describe('any text', () => {
  it('comes back from a parser as it went in', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 5 }),
        text,
        fc.boolean(),
        (values, help, openMetrics) => {
          const attributes = Object.fromEntries(values.map((value, i) => [`k${i}`, value]));
          const families: MetricFamily[] = [
            { name: 'g', unit: '', description: help, kind: 'gauge', series: [{ attributes, value: 1.5 }] },
          ];
          const [sample, ...rest] = parse(render(families, openMetrics));
          const shown = Object.entries(attributes).filter(([, value]) => value !== '');
          assert.deepEqual(sample, { name: 'g', labels: Object.fromEntries(shown), value: 1.5 });
          assert.deepEqual(
            rest.map(({ name }) => name),
            ['nervecenter_exposition_omitted_series'],
          );
        },
      ),
    );
  });

  it('is cut where a scraper would refuse it and is always well-formed', () => {
    const value = `${'x'.repeat(LABEL_VALUE_LENGTH_MAX - 1)}\u{1F600}`;
    const series = [{ attributes: { value, lone: '\uD800' }, value: 1 }];
    const text = render([{ name: 'g', unit: '', description: '\uDC00', kind: 'gauge', series }]);
    assert.ok(text.isWellFormed());
    assert.equal(parse(text)[0]?.labels['value']?.length, LABEL_VALUE_LENGTH_MAX);
  });
});

interface Sample {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** Reads the format as the specification describes it, strictly: what it does not know is an error. */
function parse(text: string): Sample[] {
  return text
    .split('\n')
    .slice(0, -1)
    .filter((line) => !/^# (HELP|TYPE|UNIT|EOF)/.test(line))
    .map((line) => {
      const match =
        /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\["\\n])*",?)*)\})? (\S+)$/su.exec(
          line,
        );
      assert.ok(match, `not a sample: ${JSON.stringify(line)}`);
      const labels: Record<string, string> = {};
      for (const [, name = '', value = ''] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/gs)) {
        labels[name] = value.replaceAll(/\\(.)/gs, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
      }
      return { name: match[1] ?? '', labels, value: Number(match[3]?.replace('Inf', 'Infinity')) };
    });
}
