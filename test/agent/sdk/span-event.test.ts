import assert from 'node:assert/strict';
import {
  type Attributes,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { describe, it } from 'vitest';
import { type EndedSpan, SPAN_CHARS_MAX, spanEvent } from '../../../src/agent/sdk/span-event.ts';
import { eventIn } from '../../../src/collector/receivers/shapes.ts';
import { spansOf } from '../../../src/collector/sinks/otlp/encode/spans.ts';
import type { SpanEvent } from '../../../src/core/signals/span.ts';

type Ended = EndedSpan & Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

/** What the SDK makes of what is done with a span. */
function ended(use: (span: Span) => void, options: { attributes?: Attributes; kind?: SpanKind } = {}): Ended {
  const made: Ended[] = [];
  const nothing = async () => {};
  const provider = new TracerProvider({
    spanProcessors: [
      { onStart() {}, onEnd: (span) => void made.push(span), forceFlush: nothing, shutdown: nothing },
    ],
  });
  const parent = {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    traceFlags: 1,
    traceState: createTraceState('vendor=x'),
  };
  const tracer = provider.getTracer('app', '1.2.3', { schemaUrl: 'https://example.com/schema' });
  const span = tracer.startSpan('work', options, trace.setSpanContext(ROOT_CONTEXT, parent));
  use(span);
  span.end();
  return made[0] ?? assert.fail('it has not ended');
}

/** The same after it went over to the collector and through a spool. */
function handedOver(event: SpanEvent): SpanEvent {
  const claimed = eventIn(JSON.parse(JSON.stringify(structuredClone(event))));
  assert.ok(claimed?.signal === 'span');
  return claimed;
}

const CASES: Readonly<Record<string, () => Ended>> = {
  'with nothing but a name': () => ended(() => {}),
  'of every kind of attribute': () =>
    ended(() => {}, {
      kind: SpanKind.CLIENT,
      attributes: {
        text: 'a sentence, ü',
        int: 3,
        double: 1.5,
        yes: true,
        list: ['a', 'b'],
        numbers: [1, 2.5],
      },
    }),
  'that failed, with events and links': () =>
    ended((span) => {
      span.recordException(new TypeError('not so'));
      span.addEvent('retried', { times: 2 });
      span.addLink({
        context: { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 },
        attributes: { why: 'x' },
      });
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'not so' });
    }),
  'that is fine, of a producer': () =>
    ended((span) => span.setStatus({ code: SpanStatusCode.OK }), { kind: SpanKind.PRODUCER }),
};

describe('a span of the app', () => {
  for (const [name, make] of Object.entries(CASES)) {
    it(`${name} goes out byte for byte as the SDK would send it`, () => {
      const span = make();
      const [sent = assert.fail()] = spansOf(handedOver(spanEvent(span)), span.resource);
      for (const serializer of [ProtobufTraceSerializer, JsonTraceSerializer]) {
        const [ours, theirs] = [[sent], [span]].map((spans) =>
          Buffer.from(serializer.serializeRequest(spans) ?? []).toString('latin1'),
        );
        assert.equal(ours, theirs);
      }
    });
  }

  it('is within its bound, and says how much it left out', () => {
    const attributes = Object.fromEntries(
      Array.from({ length: 100 }, (_, at) => [`a${at}`, 'x'.repeat(2000)]),
    );
    const { whole } = spanEvent(ended(() => {}, { attributes }));
    const kept = Object.keys(whole?.attributes ?? {}).length;
    assert.ok(JSON.stringify(whole?.attributes).length <= SPAN_CHARS_MAX + 1000);
    assert.ok(kept > 25 && kept < 100);
    assert.equal(whole?.dropped.attributes, 100 - kept);
  });

  it('has an id of its own and the time at which it ended', () => {
    const span = ended(() => {});
    const [one, other] = [spanEvent(span), spanEvent(span)];
    assert.notEqual(one.id, other.id);
    assert.equal(one.timeMs, span.endTime[0] * 1000 + span.endTime[1] / 1e6);
    assert.equal(one.parentSpanId, 'b'.repeat(16));
  });

  it('that somebody made up is refused', () => {
    const event = spanEvent(ended(() => {}));
    for (const whole of [
      {},
      { ...event.whole, startTime: ['now', 0] },
      { ...event.whole, attributes: [] },
      { ...event.whole, events: [{ name: 'x' }] },
      { ...event.whole, links: [{ traceId: 'x', spanId: 'y', traceFlags: 0, attributes: {}, dropped: 0 }] },
    ])
      assert.equal(eventIn({ ...event, whole }), null, JSON.stringify(whole));
  });
});
