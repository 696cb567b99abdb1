import assert from 'node:assert/strict';
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { ProtobufLogsSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  protobufOfLogs,
  protobufOfSpans,
} from '../../../../../src/collector/sinks/otlp/encode/proto-requests.ts';
import { SCOPE } from '../../../../../src/collector/sinks/otlp/encode/resources.ts';
import type { OtlpLogRecord, OtlpSpan } from '../../../../../src/collector/sinks/otlp/encode/serializers.ts';
import { decodeRequest, type Signal } from '../../../../support/otlp/messages.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', 'chat', 'x'.repeat(127), 'x'.repeat(128), 'ü'.repeat(90), '\ud800', 'y'.repeat(70_000)),
);
const number = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 127, 128, -1, 2 ** 53, -(2 ** 63), 2 ** 63, 2 ** 64, 0.1),
);
const attributes = fc.dictionary(
  text,
  fc.oneof(text, number, fc.boolean(), fc.array(text, { maxLength: 5 }), fc.array(number, { maxLength: 30 })),
  { maxKeys: 12 },
);
const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const context = fc.record({
  traceId: hex(32),
  spanId: hex(16),
  traceFlags: fc.constantFrom(TraceFlags.NONE, TraceFlags.SAMPLED),
});
const time = fc.tuple(fc.integer({ min: 0, max: 2 ** 33 }), fc.integer({ min: 0, max: 999_999_999 }));
const resources = fc.array(
  attributes.map((own): OtlpSpan['resource'] => {
    const made: OtlpSpan['resource'] = {
      attributes: own,
      merge: () => made,
      getRawAttributes: () => Object.entries(own),
    };
    return made;
  }),
  { minLength: 1, maxLength: 3 },
);
const COUNTS = { droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 };

const spans = resources.chain((among) =>
  fc.array(
    fc
      .record({
        name: text,
        kind: fc.constantFrom(SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT),
        own: context,
        parent: fc.option(context, { nil: undefined }),
        startTime: time,
        endTime: time,
        code: fc.constantFrom(SpanStatusCode.UNSET, SpanStatusCode.ERROR),
        attributes,
        resource: fc.constantFrom(...among),
      })
      .map(({ own, parent, code, ...fields }) => ({
        ...fields,
        spanContext: () => own,
        ...(parent === undefined ? {} : { parentSpanContext: parent }),
        status: { code },
        duration: [0, 0] as [number, number],
        links: [],
        events: [],
        ended: true,
        instrumentationScope: SCOPE,
        ...COUNTS,
      })),
    { maxLength: 8 },
  ),
);

const records = resources.chain((among) =>
  fc.array(
    fc
      .record(
        {
          hrTime: time,
          hrTimeObserved: time,
          severityNumber: fc.integer({ min: 1, max: 24 }),
          severityText: fc.constantFrom('INFO', 'DEBUG'),
          eventName: fc.constantFrom('nervecenter.event', 'gen_ai.client.inference.operation.details'),
          body: text,
          spanContext: context,
          attributes,
          resource: fc.constantFrom(...among),
        },
        { requiredKeys: ['hrTime', 'hrTimeObserved', 'attributes', 'resource', 'eventName'] },
      )
      .map((fields) => ({ ...fields, instrumentationScope: SCOPE, droppedAttributesCount: 0 })),
    { maxLength: 8 },
  ),
);

/** What a receiver reads; that something is its default may be said or not. */
function read(signal: Signal, bytes: Uint8Array | undefined): unknown {
  return withoutDefaults(decodeRequest(signal, bytes ?? new Uint8Array(0)));
}

function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const said = Object.entries(value).filter(([key, one]) => {
    if (key === 'flags' || key.startsWith('dropped')) return one !== 0;
    return key !== 'severityText' || one !== '';
  });
  return Object.fromEntries(said.map(([key, one]) => [key, withoutDefaults(one)]));
}

describe('what our own writer writes is what the SDK’s serializer writes', () => {
  it('of spans', () => {
    fc.assert(
      fc.property(spans, (some) => {
        const list = some as OtlpSpan[];
        assert.deepEqual(
          read('traces', protobufOfSpans(list)),
          read('traces', ProtobufTraceSerializer.serializeRequest(list)),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('of log records', () => {
    fc.assert(
      fc.property(records, (some) => {
        const list = some as OtlpLogRecord[];
        assert.deepEqual(
          read('logs', protobufOfLogs(list)),
          read('logs', ProtobufLogsSerializer.serializeRequest(list)),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('and requests one behind the other are one', () => {
    fc.assert(
      fc.property(spans, spans, (one, other) => {
        const [first, second] = [one, other].map((some) => protobufOfSpans(some as OtlpSpan[]));
        const both = read('traces', Buffer.concat([first as Buffer, second as Buffer]));
        const resourcesIn = (request: unknown) =>
          (request as { resourceSpans?: unknown[] }).resourceSpans ?? [];
        assert.deepEqual(resourcesIn(both), [
          ...resourcesIn(read('traces', first)),
          ...resourcesIn(read('traces', second)),
        ]);
      }),
      { numRuns: 30 },
    );
  });
});
