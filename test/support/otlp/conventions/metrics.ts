import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attributes, ReceivedMetric } from '../received.ts';
import { assertAttributes, type ValueTypes } from './values.ts';

type Instrument = 'counter' | 'up-down-counter' | 'gauge' | 'histogram';

interface MetricRules {
  readonly instrument: Instrument;
  readonly unit: string;
  readonly required?: ValueTypes;
  readonly optional?: ValueTypes;
}

const ERROR: ValueTypes = { 'error.type': 'string' };
const CALL = {
  required: { 'gen_ai.operation.name': 'string', 'gen_ai.provider.name': 'string' },
  optional: { 'gen_ai.request.model': 'string' },
} as const;
const FAILING_CALL = { ...CALL, optional: { ...CALL.optional, ...ERROR } } as const;
const TOKENS_USED = {
  ...CALL,
  required: { ...CALL.required, 'gen_ai.token.modality': 'string' },
  instrument: 'counter',
  unit: '{token}',
} as const;
const DURATION = { instrument: 'histogram', unit: 's' } as const;
const TOKENS = { instrument: 'histogram', unit: '{token}' } as const;
const BYTES_NOW = { instrument: 'up-down-counter', unit: 'By' } as const;
const CALLS = { ...CALL, instrument: 'counter', unit: '{call}' } as const;
const DOLLARS = { ...CALL, instrument: 'counter', unit: 'USD' } as const;
const SHARE = { instrument: 'gauge', unit: '1' } as const;
const DIRECTED: ValueTypes = { 'network.io.direction': 'string' };
const MOUNTED: ValueTypes = { 'system.filesystem.mountpoint': 'string' };

/** By the conventions of HTTP servers, of GenAI 0.1, of systems, processes and Node; what is ours as the documents have it. */
const RULES: Readonly<Record<string, MetricRules>> = {
  'http.server.request.duration': {
    ...DURATION,
    required: { 'http.request.method': 'string', 'url.scheme': 'string' },
    optional: { ...ERROR, 'http.route': 'string', 'http.response.status_code': 'int' },
  },
  'gen_ai.client.inference.duration': { ...FAILING_CALL, ...DURATION },
  'gen_ai.client.embeddings.duration': { ...FAILING_CALL, ...DURATION },
  'gen_ai.client.operation.duration': { ...FAILING_CALL, ...DURATION },
  'gen_ai.client.inference.time_to_first_chunk': { ...CALL, ...DURATION },
  'gen_ai.client.inference.time_per_output_chunk': { ...CALL, ...DURATION },
  'gen_ai.client.inference.usage.input_tokens': TOKENS_USED,
  'gen_ai.client.inference.usage.output_tokens': TOKENS_USED,
  'gen_ai.client.inference.usage.cache_read.input_tokens': TOKENS_USED,
  'gen_ai.client.inference.usage.cache_write.input_tokens': TOKENS_USED,
  'gen_ai.client.inference.usage.reasoning.output_tokens': TOKENS_USED,
  'gen_ai.client.inference.operation.input_tokens': { ...FAILING_CALL, ...TOKENS },
  'gen_ai.client.inference.operation.output_tokens': { ...FAILING_CALL, ...TOKENS },
  'gen_ai.client.embeddings.operation.input_tokens': { ...CALL, ...TOKENS },
  'system.cpu.utilization': SHARE,
  'system.cpu.logical.count': { instrument: 'up-down-counter', unit: '{cpu}' },
  'system.cpu.load_average.1m': { instrument: 'gauge', unit: '{thread}' },
  'system.memory.usage': BYTES_NOW,
  'system.memory.limit': BYTES_NOW,
  'system.filesystem.usage': { ...BYTES_NOW, required: MOUNTED },
  'system.filesystem.limit': { ...BYTES_NOW, required: MOUNTED },
  'system.network.io.rate': { instrument: 'gauge', unit: 'By/s', required: DIRECTED },
  'process.memory.usage': BYTES_NOW,
  'process.thread.count': { instrument: 'up-down-counter', unit: '{thread}' },
  'process.cpu.utilization': SHARE,
  'v8js.memory.heap.used': BYTES_NOW,
  'nodejs.eventloop.delay.p99': { instrument: 'gauge', unit: 's' },
  'nodejs.eventloop.utilization': SHARE,
  'nervecenter.llm.cost': DOLLARS,
  'nervecenter.llm.cache_savings': DOLLARS,
  'nervecenter.llm.estimated_calls': CALLS,
  'nervecenter.llm.usage_mismatches': CALLS,
  'nervecenter.llm.rate_limited_calls': CALLS,
  'nervecenter.llm.unpriced_calls': CALLS,
  'nervecenter.rag.query.duration': { ...DURATION, optional: ERROR },
  'nervecenter.rag.stage.duration': { ...DURATION, required: { 'nervecenter.rag.stage': 'string' } },
  'nervecenter.rag.chunks': { instrument: 'histogram', unit: '{chunk}' },
  'nervecenter.cache.requests': {
    instrument: 'counter',
    unit: '{request}',
    required: { 'cache.name': 'string', 'cache.result': 'string' },
  },
  'nervecenter.cache.keys': { instrument: 'gauge', unit: '{key}', required: { 'cache.name': 'string' } },
  'nervecenter.cache.memory': { instrument: 'gauge', unit: 'By', required: { 'cache.name': 'string' } },
  'nervecenter.websocket.connections': { instrument: 'gauge', unit: '{connection}' },
  'nervecenter.websocket.connections.opened': { instrument: 'counter', unit: '{connection}' },
  'nervecenter.websocket.messages': { instrument: 'counter', unit: '{message}', required: DIRECTED },
  'nervecenter.websocket.bytes': { instrument: 'counter', unit: 'By', required: DIRECTED },
  'nervecenter.websocket.session.duration': DURATION,
};

const ROW = /^\| `(nervecenter\.[\w.]+)` \| `\w+` \| (counter|gauge|histogram) \| `([^`]+)` \|/gm;
const DOCUMENTED: ReadonlyMap<string, MetricRules> = new Map(
  [
    ...readFileSync(join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'metrics.md'), 'utf8').matchAll(
      ROW,
    ),
  ].map(([, name = '', instrument = '', unit = '']) => [
    name,
    { instrument: instrument as Instrument, unit },
  ]),
);

const CUMULATIVE = 2;

function instrumentOf({ name, kind, temporality, isMonotonic }: ReceivedMetric): Instrument {
  if (kind === 'gauge') {
    assert.equal(temporality, 0, name);
    return 'gauge';
  }
  assert.ok([1, CUMULATIVE].includes(temporality), `temporality of ${name}`);
  if (kind !== 'sum') return 'histogram';
  if (isMonotonic) return 'counter';
  assert.equal(temporality, CUMULATIVE, `amounts are told as they are: ${name}`);
  return 'up-down-counter';
}

/** A metric by itself: name, unit, instrument, its points' attributes by the conventions and figures by the protocol. */
export function assertMetric(metric: ReceivedMetric): void {
  const { name, points } = metric;
  const rules = RULES[name] ?? DOCUMENTED.get(name);
  // What an app measures itself has the names and units that the app gives.
  assert.ok(rules !== undefined || !/^(gen_ai|http|nervecenter|system|process)\./.test(name), name);
  const instrument = instrumentOf(metric);
  if (rules !== undefined) assert.deepEqual([metric.unit, instrument], [rules.unit, rules.instrument], name);
  assert.ok(points.length > 0, name);
  const series = points.map(({ attributes }) => seriesOf(attributes));
  assert.equal(new Set(series).size, series.length, `a series of ${name} stands once`);
  for (const point of points) {
    if (rules !== undefined)
      assertAttributes(name, point.types, {
        required: rules.required ?? {},
        // Documents say in words what our own figures are told apart by.
        optional: rules.optional ?? (name in RULES ? {} : point.types),
      });
    assertFigures(metric, point);
  }
}

export function seriesOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([one], [other]) => (one < other ? -1 : 1)));
}

type Point = ReceivedMetric['points'][number];

function assertFigures({ name, kind }: ReceivedMetric, point: Point): void {
  const [start, end] = timesOf(point);
  assert.ok(end > 0n && start <= end, `times of ${name}`);
  if (kind === 'gauge' || kind === 'sum') {
    const value = Number(point['asDouble'] ?? point['asInt']);
    assert.ok(Number.isFinite(value), name);
    if (kind === 'sum') assert.ok(value >= 0 && start > 0n, name);
    return;
  }
  const count = Number(point['count']);
  const counts = kind === 'histogram' ? numbersIn(point['bucketCounts']) : exponentialCounts(point);
  const counted = counts.reduce((all, one) => all + one, 0);
  assert.equal(counted, count, `buckets of ${name} add up to its count`);
  const { sum, min, max } = point as { sum?: number; min?: number; max?: number };
  assert.ok(sum !== undefined, name);
  if (count === 0) return;
  assert.ok(min !== undefined && max !== undefined && min <= max, name);
  const slack = 1e-9 * Math.abs(sum);
  assert.ok(sum >= min * count - slack && sum <= max * count + slack, `sum of ${name}`);
  if (kind === 'histogram') assertBounds(name, numbersIn(point['explicitBounds']), counts);
}

function assertBounds(name: string, bounds: readonly number[], counts: readonly number[]): void {
  assert.equal(counts.length, bounds.length + 1, name);
  for (const [at, bound] of bounds.entries()) assert.ok(at === 0 || bound > (bounds[at - 1] ?? bound), name);
}

function exponentialCounts(point: Point): readonly number[] {
  const { positive, negative } = point as { positive?: Buckets; negative?: Buckets };
  const zeros = Number(point['zeroCount'] ?? 0);
  return [zeros, ...numbersIn(positive?.bucketCounts), ...numbersIn(negative?.bucketCounts)];
}

interface Buckets {
  readonly bucketCounts?: unknown;
}

function numbersIn(list: unknown): readonly number[] {
  return ((list ?? []) as readonly unknown[]).map(Number);
}

function timesOf(point: Point): readonly [start: bigint, end: bigint] {
  return [BigInt(String(point['startTimeUnixNano'] ?? 0)), BigInt(String(point['timeUnixNano']))];
}

/** Points of one series as they come, one request after the other: totals since one time that never fall, or intervals that do not overlap. */
export class SeriesHistory {
  readonly #last = new Map<
    string,
    { readonly start: bigint; readonly end: bigint; readonly count: number }
  >();

  add({ name, resource, kind, temporality, isMonotonic, points }: ReceivedMetric): void {
    if (kind === 'gauge' || !isMonotonic) return;
    for (const point of points) {
      const series = `${resource['service.instance.id']} ${name} ${seriesOf(point.attributes)}`;
      const [start, end] = timesOf(point);
      const count = Number(point['count'] ?? point['asDouble'] ?? point['asInt']);
      const last = this.#last.get(series);
      this.#last.set(series, { start, end, count });
      if (last === undefined) continue;
      if (temporality !== CUMULATIVE) assert.ok(start >= last.end, `intervals of ${name} overlap`);
      else if (start === last.start) assert.ok(end > last.end && count >= last.count, `${name} fell`);
      else assert.ok(start >= last.end, `${name} began anew before it had ended`);
    }
  }
}
