import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { OTLP_EXCEPTIONS, OTLP_OUTCOMES } from '../../../../../src/collector/receivers/otlp/acceptance.ts';
import { eventIdOf } from '../../../../../src/collector/receivers/otlp/event-id.ts';
import { GRACE_MS } from '../../../../../src/collector/receivers/otlp/subjects.ts';
import { resourceOf } from '../metrics/sender.ts';
import {
  callRecord,
  eventRecord,
  INSTANCE,
  NOW_MS,
  Received,
  recordOf,
  requestEvent,
  SPAN,
  TRACE,
} from './received.ts';

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

  it('are given on at once where they were held, however many requests told of them, and awaited as the collector stops', async () => {
    const received = new Received();
    const { promise, resolve } = Promise.withResolvers<void>();
    received.written = promise;
    for (const digit of '123') await received.take([callRecord({}, { spanId: digit.repeat(16) })], NOW_MS);
    let released = 0;
    const releases = [NOW_MS + GRACE_MS, Number.POSITIVE_INFINITY].map((nowMs) =>
      received.logs.release(nowMs).then(() => released++),
    );
    assert.equal(received.events.length, 3);
    await new Promise(setImmediate);
    assert.equal(released, 0);
    resolve();
    await Promise.all(releases);
  });

  it('are known when their request comes again, whatever stands in for times that they do not tell', async () => {
    const [killed, next] = [new Received(), new Received()];
    const request = randomUUID();
    const timeless = [callRecord({}, { timeMs: 0, spanId: null, traceId: null })];
    await killed.take(timeless, NOW_MS, request);
    await killed.logs.release(NOW_MS + GRACE_MS);
    next.sentBatches.add(killed.offers.flatMap(({ sent }) => (sent === undefined ? [] : [sent])));
    await next.take(timeless, NOW_MS + 60_000, request);
    await next.logs.release(NOW_MS + 60_000 + GRACE_MS);
    assert.deepEqual([killed.events.length, next.events.length], [1, 0]);
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
