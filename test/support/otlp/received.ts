import assert from 'node:assert/strict';
import { typesOf, type ValueTypes } from './conventions/values.ts';
import type { Message, Signal } from './messages.ts';

export type Attributes = Readonly<Record<string, unknown>>;

export interface ReceivedSpan {
  readonly resource: Attributes;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly status: number;
  readonly attributes: Attributes;
  /** Name of what made it. */
  readonly scope: string;
  readonly traceState: string;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
  readonly types: ValueTypes;
}

export interface ReceivedLog {
  readonly resource: Attributes;
  readonly eventName: string;
  readonly severity: number;
  readonly timeMs: number;
  readonly body: unknown;
  readonly attributes: Attributes;
  readonly types: ValueTypes;
  readonly traceId: string | null;
  readonly spanId: string | null;
}

export interface ReceivedMetric {
  readonly resource: Attributes;
  readonly name: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'sum' | 'histogram' | 'exponentialHistogram';
  /** 1 delta, 2 cumulative, 0 where a gauge has none. */
  readonly temporality: number;
  /** Of sums and histograms: it only ever rises. */
  readonly isMonotonic: boolean;
  readonly points: readonly (Message & { readonly attributes: Attributes; readonly types: ValueTypes })[];
}

const LISTS: Readonly<Record<Signal, readonly [resources: string, scopes: string, items: string]>> = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
};

const REQUIRED_OF_RESOURCES = [
  'service.name',
  'service.instance.id',
  'telemetry.sdk.name',
  'telemetry.sdk.language',
  'telemetry.sdk.version',
];

type Item = readonly [resource: Attributes, item: Message];

/** What a request is about, each with its resource; refuses what the protocol does not allow. */
function itemsOf(signal: Signal, request: Message, foreign = false): Item[] {
  const [resources, scopes, items] = LISTS[signal];
  return listOf(request[resources]).flatMap((one) => {
    const resource = attributesOf((one['resource'] as Message)['attributes']);
    for (const name of foreign ? ['service.name'] : REQUIRED_OF_RESOURCES)
      assert.equal(typeof resource[name], 'string', `${name} is required`);
    return listOf(one[scopes]).flatMap((scope) => {
      const { name } = scope['scope'] as Message;
      assert.ok(typeof name === 'string' && name !== '', 'a scope has a name');
      // Libraries of the app have spans of their own where the preload is its SDK.
      if (!foreign && name !== 'nervecenter') return [];
      return listOf(scope[items]).map((item): Item => [resource, { ...item, scope: name }]);
    });
  });
}

/** @param foreign whether other libraries than ours may have made them. */
export function spansIn(request: Message, foreign: boolean): ReceivedSpan[] {
  return itemsOf('traces', request, foreign).map(([resource, span]) => {
    assert.match(String(span['traceId']), /^(?!0{32})[\da-f]{32}$/);
    assert.match(String(span['spanId']), /^(?!0{16})[\da-f]{16}$/);
    const parent = span['parentSpanId'] as string | undefined;
    const received = {
      resource,
      traceId: String(span['traceId']),
      spanId: String(span['spanId']),
      parentSpanId: parent === undefined || parent === '' ? null : parent,
      name: String(span['name']),
      kind: Number(span['kind']),
      startMs: Number(span['startTimeUnixNano']) / 1e6,
      endMs: Number(span['endTimeUnixNano']) / 1e6,
      status: Number((span['status'] as Message | undefined)?.['code'] ?? 0),
      attributes: attributesOf(span['attributes']),
      scope: String(span['scope']),
      traceState: String(span['traceState'] ?? ''),
      events: listOf(span['events']).map(({ name, attributes }) => ({
        name: String(name),
        attributes: attributesOf(attributes),
      })),
      types: typesOf(span['attributes']),
    };
    assert.ok(received.startMs > 0 && received.endMs >= received.startMs, received.name);
    return received;
  });
}

export function logsIn(request: Message, foreign: boolean): ReceivedLog[] {
  return itemsOf('logs', request, foreign).map(([resource, record]) => ({
    resource,
    eventName: String(record['eventName'] ?? ''),
    severity: Number(record['severityNumber'] ?? 0),
    timeMs: Number(record['timeUnixNano']) / 1e6,
    body: plainValue(record['body'] as Message | undefined),
    attributes: attributesOf(record['attributes']),
    types: typesOf(record['attributes']),
    traceId: (record['traceId'] as string | undefined) || null,
    spanId: (record['spanId'] as string | undefined) || null,
  }));
}

const KINDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram'] as const;

export function metricsIn(request: Message, foreign: boolean): ReceivedMetric[] {
  return itemsOf('metrics', request, foreign).map(([resource, metric]) => {
    const kinds = KINDS.filter((kind) => metric[kind] !== undefined);
    assert.equal(kinds.length, 1, String(metric['name']));
    const kind = kinds[0] ?? 'gauge';
    const data = metric[kind] as Message;
    return {
      resource,
      name: String(metric['name']),
      unit: String(metric['unit']),
      kind,
      temporality: Number(data['aggregationTemporality'] ?? 0),
      isMonotonic: kind === 'sum' ? data['isMonotonic'] === true : kind !== 'gauge',
      points: listOf(data['dataPoints']).map((point) => ({
        ...point,
        attributes: attributesOf(point['attributes']),
        types: typesOf(point['attributes']),
      })),
    };
  });
}

function listOf(value: unknown): Message[] {
  return (value ?? []) as Message[];
}

function attributesOf(list: unknown): Attributes {
  const pairs = listOf(list).map(({ key, value }): [string, unknown] => [
    String(key),
    plainValue(value as Message),
  ]);
  const attributes = Object.fromEntries(pairs);
  assert.equal(Object.keys(attributes).length, pairs.length, 'a key stands once');
  return attributes;
}

function plainValue(value: Message | undefined): unknown {
  if (value === undefined) return undefined;
  if ('intValue' in value) return Number(value['intValue']);
  if ('arrayValue' in value) return listOf((value['arrayValue'] as Message)['values']).map(plainValue);
  return value['stringValue'] ?? value['boolValue'] ?? value['doubleValue'];
}
