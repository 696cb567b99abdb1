import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { OTLP_EXCEPTIONS, OTLP_OUTCOMES } from '../../../../../src/collector/receivers/otlp/acceptance.ts';
import { eventIdOf } from '../../../../../src/collector/receivers/otlp/event-id.ts';
import { OtlpLogs } from '../../../../../src/collector/receivers/otlp/logs/otlp-logs.ts';
import type {
  OtlpAttributes,
  OtlpLogRecord,
  OtlpRejected,
  OtlpValue,
} from '../../../../../src/collector/receivers/otlp/model.ts';
import { GRACE_MS, Subjects } from '../../../../../src/collector/receivers/otlp/subjects.ts';
import { SentBatches } from '../../../../../src/collector/receivers/sent-batches.ts';
import { NO_VIA } from '../../../../../src/core/passage.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import { counterOf } from '../../../../../src/core/signals/instruments.ts';
import { DeltaMeterProvider } from '../../../../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../../../../src/metrics/snapshot-reader.ts';
import { labels, resourceOf } from '../metrics/sender.ts';

const NOW_MS = 1_700_000_000_000;
const INSTANCE = 'c0ffee00-0000-4000-8000-000000000001';
const APP = resourceOf({ 'service.name': 'shop', 'service.instance.id': INSTANCE });
const WRITER = 'c0ffee00-0000-4000-8000-0000000000aa';
const TRACE = '5b8efff798038103d269b633813fc60c';
const SPAN = 'eee19b7ec3c1b174';

const recordOf = (more: Partial<OtlpLogRecord>): OtlpLogRecord => ({
  resource: APP,
  scope: { name: 'test', version: '' },
  timeMs: NOW_MS - 1000,
  severity: 9,
  eventName: '',
  body: null,
  attributes: {},
  traceId: null,
  spanId: null,
  ...more,
});

const requestEvent = (route: string) => ({
  signal: 'request',
  id: randomUUID(),
  timeMs: NOW_MS - 2000,
  route,
  method: 'GET',
  statusCode: 200,
  durationMs: 12.5,
  requestBytes: null,
  responseBytes: 7,
  traceId: null,
  userEmail: null,
  department: null,
});

function eventRecord(body: OtlpValue, batch?: number, more: OtlpAttributes = {}): OtlpLogRecord {
  const of =
    batch === undefined ? {} : { 'nervecenter.batch.writer': WRITER, 'nervecenter.batch.seq': batch };
  return recordOf({
    eventName: 'nervecenter.event',
    body,
    attributes: { 'nervecenter.signal': 'request', ...of, ...more },
  });
}

const callRecord = (attributes: OtlpAttributes = {}, more: Partial<OtlpLogRecord> = {}): OtlpLogRecord =>
  recordOf({
    eventName: 'gen_ai.client.inference.operation.details',
    severity: 5,
    traceId: TRACE,
    spanId: SPAN,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 20,
      ...attributes,
    },
    ...more,
  });

class Received {
  readonly offers: {
    readonly events: readonly NervecenterEvent[];
    readonly sent?: readonly [string, number];
  }[] = [];
  readonly subjects = new Subjects();
  readonly sentBatches = new SentBatches();
  readonly logs: OtlpLogs;
  readonly #own = new DeltaMeterProvider();
  readonly #reader = new SnapshotReader([this.#own]);

  constructor({ joins = true } = {}) {
    const meter = this.#own.getMeter();
    this.logs = new OtlpLogs({
      subjects: this.subjects,
      labels: labels(),
      records: counterOf(meter, OTLP_OUTCOMES),
      exceptions: counterOf(meter, OTLP_EXCEPTIONS),
      onFolded: () => {},
      sink: {
        join: () => joins,
        sentBatches: this.sentBatches,
        offered: async () => {},
        offer: async (events, _passage, sent) => void this.offers.push({ events, ...(sent && { sent }) }),
      },
    });
  }

  take(
    records: readonly OtlpLogRecord[],
    nowMs: number,
    digest: string = randomUUID(),
  ): Promise<OtlpRejected> {
    return this.logs.take(records, nowMs, { via: NO_VIA, digest });
  }

  get events(): NervecenterEvent[] {
    return this.offers.flatMap(({ events }) => events);
  }

  /** Value by the attribute that is asked for. */
  counted(name: string, attribute: string): Record<string, number> {
    const points = this.#reader
      .collectNow()
      .filter((point) => point.name === name && point.kind === 'counter');
    return Object.fromEntries(
      points.map((point) => [String(point.attributes[attribute]), 'value' in point ? point.value : 0]),
    );
  }
}

describe("log records that are nervecenter's own events", () => {
  it('are those events, as they are or as JSON, of whoever sent them, batch by batch in order', async () => {
    const received = new Received();
    const [first, second, third] = ['/a', '/b', '/c'].map(requestEvent);
    const rejected = await received.take(
      [eventRecord(third!, 2), eventRecord(JSON.stringify(first), 1), eventRecord(second!, 1)],
      NOW_MS,
    );
    assert.deepEqual(rejected, { count: 0, message: '' });
    assert.deepEqual(
      received.offers.map(({ sent, events }) => [
        sent,
        events.map((event) => 'route' in event && event.route),
      ]),
      [
        [
          [WRITER, 1],
          ['/a', '/b'],
        ],
        [[WRITER, 2], ['/c']],
      ],
    );
    assert.deepEqual(received.events[0], { ...first, sender: { instanceId: INSTANCE, service: 'shop' } });
  });

  it('are accepted once, whoever sends the batch again', async () => {
    const received = new Received();
    const batch = [eventRecord(requestEvent('/a'), 1), eventRecord(requestEvent('/b'), 1)];
    await received.take(batch, NOW_MS);
    assert.deepEqual(await received.take(batch, NOW_MS), { count: 0, message: '' });
    assert.equal(received.events.length, 2);
    assert.deepEqual(received.counted(OTLP_OUTCOMES.name, 'outcome'), { event: 2, known: 2 });
  });

  it('are not taken again that the collector before has accepted', async () => {
    const received = new Received();
    received.sentBatches.add([[WRITER, 1]]);
    await received.take([eventRecord(requestEvent('/a'), 1), eventRecord(requestEvent('/b'), 2)], NOW_MS);
    assert.deepEqual(
      received.events.map((event) => 'route' in event && event.route),
      ['/b'],
    );
  });

  it('are refused without the shape of one, and the others of the request are not', async () => {
    const received = new Received();
    const { durationMs: _missing, ...incomplete } = requestEvent('/b');
    const { count, message } = await received.take(
      [
        eventRecord(requestEvent('/a')),
        eventRecord(incomplete),
        eventRecord('{'),
        eventRecord(7),
        eventRecord({ signal: 'toString' }),
      ],
      NOW_MS,
    );
    assert.equal(count, 4);
    assert.match(message, /have not the shape of one \(of another version\?\) \(first: request\)/);
    assert.equal(received.events.length, 1);
  });

  it('are not taken of another machine, whose figures would be among those of this one', async () => {
    const received = new Received();
    const reading = {
      signal: 'system',
      timeMs: NOW_MS,
      metricType: 'cpu',
      metricName: 'cpu_percent',
      value: 5,
      unit: 'percent',
    };
    await received.take(
      [
        eventRecord({ ...reading, id: randomUUID(), tags: {} }),
        eventRecord({
          ...reading,
          id: randomUUID(),
          metricName: 'process_threads',
          tags: { instance_id: INSTANCE },
        }),
      ],
      NOW_MS,
    );
    assert.deepEqual(
      received.events.map((event) => 'metricName' in event && event.metricName),
      ['process_threads'],
    );
  });
});

describe('log records of model calls', () => {
  it('are calls with their tokens, when no span came of their process', async () => {
    const received = new Received();
    const more = {
      'gen_ai.usage.cache_read.input_tokens': 40,
      'gen_ai.usage.reasoning.output_tokens': 5,
      'gen_ai.response.model': 'gpt-4o-2024-08-06',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.response.time_to_first_chunk': 0.25,
      'server.address': 'api.openai.com',
      'user.email': 'ann@example.com',
    };
    await received.take([callRecord(more)], NOW_MS);
    assert.equal(received.events.length, 0);
    await received.logs.release(NOW_MS + GRACE_MS);
    const [call] = received.events;
    assert.ok(call?.signal === 'llm-call');
    assert.equal(call.id, eventIdOf(TRACE, SPAN, NOW_MS - 1000));
    assert.deepEqual(
      [
        call.provider,
        call.model,
        call.responseModel,
        call.operation,
        call.outcome,
        call.finishReason,
        call.userEmail,
      ],
      ['openai', 'gpt-4o', 'gpt-4o-2024-08-06', 'chat', 'ok', 'stop', 'ann@example.com'],
    );
    const { inputUncached, cacheRead, outputText, outputReasoning } = call.usage ?? {};
    assert.deepEqual([inputUncached, cacheRead, outputText, outputReasoning], [60, 40, 15, 5]);
    assert.deepEqual(
      [call.durationMs, call.firstTokenMs, call.traceId, call.usageSource],
      [0, 250, TRACE, 'provider'],
    );
  });

  it('are accepted sender by sender', async () => {
    const received = new Received();
    const resource = resourceOf({ 'service.name': 'cart' });
    await received.take([callRecord(), callRecord({}, { resource, spanId: 'aaaaaaaaaaaaaaaa' })], NOW_MS);
    await received.logs.release(NOW_MS + GRACE_MS);
    assert.deepEqual(
      received.offers.map(({ events }) => events.map(({ sender }) => sender?.service)),
      [['shop'], ['cart']],
    );
  });

  it('are none where spans tell of the calls, before or after', async () => {
    const received = new Received();
    const span = { afterMs: NOW_MS, untilMs: NOW_MS, call: `${TRACE}${SPAN}` };
    await received.take([callRecord()], NOW_MS);
    assert.equal(
      received.subjects.told(INSTANCE, 'llm-call', 'spans', { ...span, nowMs: NOW_MS + 5000 }),
      'counted',
    );
    await received.logs.release(NOW_MS + GRACE_MS);
    await received.take([callRecord({}, { spanId: 'eee19b7ec3c1b175' })], NOW_MS + GRACE_MS);
    assert.equal(received.events.length, 0);
    assert.deepEqual(received.counted(OTLP_OUTCOMES.name, 'outcome'), { known: 2 });
  });

  it('count once when the record is sent again, or its span comes after it was counted', async () => {
    const received = new Received();
    await received.take([callRecord(), callRecord({}, { traceId: null, spanId: null })], NOW_MS);
    await received.take([callRecord(), callRecord({}, { traceId: null, spanId: null })], NOW_MS + 1000);
    await received.logs.release(NOW_MS + GRACE_MS);
    assert.equal(received.events.length, 2);
    const span = { afterMs: NOW_MS, untilMs: NOW_MS, call: `${TRACE}${SPAN}` };
    assert.equal(
      received.subjects.told(INSTANCE, 'llm-call', 'spans', { ...span, nowMs: NOW_MS + GRACE_MS }),
      'told',
    );
  });

  for (const [what, spanId] of [
    ['span', SPAN],
    ['trace', null],
  ] as const) {
    it(`are each counted where several are made in one ${what}, and sent again`, async () => {
      const received = new Received();
      const records = [
        callRecord({ 'gen_ai.response.id': 'r1' }, { spanId, timeMs: NOW_MS - 3000 }),
        callRecord({ 'gen_ai.response.id': 'r2' }, { spanId, timeMs: NOW_MS - 2000 }),
        callRecord({}, { spanId, timeMs: NOW_MS - 1000 }),
        callRecord({}, { spanId, timeMs: NOW_MS - 500 }),
      ];
      await received.take(records, NOW_MS);
      await received.take(records.slice(1), NOW_MS + 1000);
      await received.logs.release(NOW_MS + GRACE_MS);
      await received.take(records, NOW_MS + GRACE_MS + 1000);
      assert.equal(new Set(received.events.map(({ id }) => id)).size, 4);
      assert.equal(received.events.length, 4);
    });
  }

  it('are one where two instrumentations of a span tell of the same answer', async () => {
    const received = new Received();
    const answer = { 'gen_ai.response.id': 'r1' };
    await received.take([callRecord(answer), callRecord(answer, { timeMs: NOW_MS - 998 })], NOW_MS);
    await received.logs.release(NOW_MS + GRACE_MS);
    assert.equal(received.events.length, 1);
  });

  it('are not those of agents and tools, and failed ones say so', async () => {
    const received = new Received();
    const answer = { 'error.type': '429', 'gen_ai.usage.input_tokens': null };
    const failed = callRecord(answer, { spanId: 'aaaaaaaaaaaaaaaa' });
    await received.take([callRecord({ 'gen_ai.operation.name': 'invoke_agent' }), failed], NOW_MS);
    await received.logs.release(NOW_MS + GRACE_MS);
    const [call] = received.events;
    assert.ok(received.events.length === 1 && call?.signal === 'llm-call');
    assert.deepEqual([call.outcome, call.errorType], ['error', '429']);
    assert.deepEqual(received.counted(OTLP_OUTCOMES.name, 'outcome'), { ignored: 1, call: 1 });
  });

  it('are not told again where the collector that was killed has accepted the request', async () => {
    const [killed, next] = [new Received(), new Received()];
    const request = randomUUID();
    const records = [callRecord(), callRecord({}, { spanId: 'aaaaaaaaaaaaaaaa' })];
    await killed.take(records, NOW_MS, request);
    await killed.logs.release(NOW_MS + GRACE_MS);
    const stored = killed.offers.flatMap(({ sent }) => (sent === undefined ? [] : [sent]));
    assert.equal(stored.length, 1);
    next.sentBatches.add(stored);
    await next.take(records, NOW_MS, request);
    await next.take([callRecord({}, { spanId: 'bbbbbbbbbbbbbbbb' })], NOW_MS);
    await next.logs.release(NOW_MS + GRACE_MS);
    assert.deepEqual([killed.events.length, next.events.length], [2, 1]);
    assert.deepEqual(next.counted(OTLP_OUTCOMES.name, 'outcome'), { call: 1, known: 2 });
  });

  it('are held back up to a bound', async () => {
    const received = new Received();
    const many = Array.from({ length: 1200 }, (_, i) =>
      callRecord({}, { spanId: i.toString(16).padStart(16, '0') }),
    );
    await received.take(many, NOW_MS);
    assert.equal(received.events.length, 200);
    await received.logs.release(NOW_MS + GRACE_MS);
    assert.equal(received.events.length, 1200);
  });
});

describe('other log records', () => {
  it('are exceptions by type, a bounded number of them, or none of our business, without a complaint', async () => {
    const received = new Received();
    const exception = (type: string) => recordOf({ severity: 17, attributes: { 'exception.type': type } });
    const rejected = await received.take(
      [
        exception('TypeError'),
        exception('TypeError'),
        exception('what was asked: "who am I?"'),
        recordOf({ eventName: 'gen_ai.client.inference.exception' }),
        recordOf({ body: 'Example log record' }),
        recordOf({ eventName: 'browser.page_view', body: { url: 'https://example.com' } }),
        ...Array.from({ length: 100 }, (_, i) => exception(`Error${i}`)),
      ],
      NOW_MS,
    );
    assert.deepEqual(rejected, { count: 0, message: '' });
    const types = received.counted(OTLP_EXCEPTIONS.name, 'exception.type');
    // 50 have places, and half as many change hands at once.
    assert.deepEqual([types['TypeError'], types['_OTHER'], types['other']], [2, 2, 27]);
    assert.equal(Object.keys(types).length, 76);
    assert.equal(received.events.length, 0);
  });

  it('are refused of more processes than are followed', async () => {
    const received = new Received({ joins: false });
    const { count, message } = await received.take([eventRecord(requestEvent('/a')), recordOf({})], NOW_MS);
    assert.deepEqual([count, message], [1, '1 of more processes than are followed (first: shop)']);
  });
});
