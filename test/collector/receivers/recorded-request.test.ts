import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { EventMeter } from '../../../src/collector/event-ledger.ts';
import { eventsAmong, eventsOf } from '../../../src/collector/receivers/shapes.ts';
import { eventRecord } from '../../../src/collector/sinks/otlp/encode/log-records.ts';
import { encodeEvents } from '../../../src/collector/sinks/postgres/spool/batch.ts';
import { pseudonymsOf } from '../../../src/collector/users/pseudonyms.ts';
import { writeEvent } from '../../../src/core/records/event-record.ts';
import { RecordOutput } from '../../../src/core/records/record-output.ts';
import { RecordError, RecordReader } from '../../../src/core/records/record-reader.ts';
import { RecordedRequest, sentBy, withOwnFields } from '../../../src/core/records/recorded-request.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { oneOfEach } from '../sinks/postgres/events.ts';

const SENDER = { instanceId: randomUUID(), service: 'app' };
const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const spanId = hex(16).filter((id) => /[^0]/.test(id));
const absent = fc.constant(undefined);
const count = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constant('é'.repeat(300)));

/** As it may be by `accepts`, in a trace. */
const SOUND = {
  signal: fc.constant('request'),
  id: fc.uuid(),
  timeMs: fc.integer({ min: Date.UTC(2000), max: Date.UTC(2100) }).map(milliseconds),
  traceId: hex(32),
  userEmail: fc.option(text),
  department: fc.option(text),
  parentSpanId: fc.oneof(spanId, fc.constant(null), absent),
  sampled: fc.oneof(fc.boolean(), absent),
  route: text,
  method: fc.constantFrom('GET', 'POST', '_OTHER'),
  statusCode: fc.constantFrom(0, 200, 404, 503),
  durationMs: count.map(milliseconds),
  requestBytes: fc.option(count),
  responseBytes: fc.option(count),
  scheme: fc.oneof(fc.constant('https'), absent),
  outcome: fc.oneof(fc.constant('unfinished'), absent),
};
/** What a field may be instead. */
const UNSOUND: Readonly<Partial<Record<keyof typeof SOUND, fc.Arbitrary<unknown>>>> = {
  timeMs: fc.constantFrom(null, undefined, Number.NEGATIVE_INFINITY),
  traceId: fc.constantFrom(null, undefined, 'none'),
  userEmail: absent,
  department: absent,
  parentSpanId: fc.constantFrom('0'.repeat(16), 'none'),
  sampled: fc.constant(null),
  route: fc.constantFrom(null, undefined),
  method: fc.constantFrom(null, undefined),
  statusCode: fc.constantFrom(-1, 1.5, null, undefined),
  durationMs: fc.constantFrom(-1, null, undefined),
  requestBytes: fc.constantFrom(-1, undefined),
  responseBytes: fc.constantFrom(-1, undefined),
  scheme: fc.constantFrom('http', null),
  outcome: fc.constantFrom('other', null),
};

const requests = fc.record(SOUND) as unknown as fc.Arbitrary<NervecenterEvent>;
const unsound = fc
  .constantFrom(...(Object.keys(UNSOUND) as (keyof typeof UNSOUND)[]))
  .chain((field) => fc.record({ ...SOUND, [field]: UNSOUND[field] ?? absent })) as unknown as typeof requests;

function written(events: readonly NervecenterEvent[]): Uint8Array {
  const bytes = new Uint8Array(64 * 1024);
  const output = new RecordOutput();
  output.begin(bytes);
  for (const event of events) assert.ok(writeEvent(output, event));
  return bytes.slice(0, output.length);
}

/** What a receiver makes of bytes. */
function received(bytes: Uint8Array, inPlace: boolean) {
  const claimed: unknown[] = [];
  try {
    new RecordReader({ inPlace }).read(bytes, (event) => claimed.push(event));
  } catch (error) {
    assert.ok(error instanceof RecordError);
    return null;
  }
  return eventsAmong(claimed);
}

/** With all its fields, and none that says no more than its absence. */
function inFull(event: NervecenterEvent): object {
  const { parentSpanId, sampled, ...fields } = withOwnFields(event) as object as Record<string, unknown>;
  return {
    ...fields,
    ...(parentSpanId !== null && parentSpanId !== undefined && { parentSpanId }),
    ...(sampled === false && { sampled }),
  };
}

describe('a request that is read where it stands in its record', () => {
  it('is every sound one in a trace, and says what it says as an object', () => {
    fc.assert(
      fc.property(fc.array(requests, { minLength: 1, maxLength: 8 }), (events) => {
        const bytes = written(events);
        const [inPlace, objects] = [received(bytes, true), received(bytes, false)];
        assert.ok(inPlace !== null && objects !== null);
        assert.ok(inPlace.usable.every((event) => event instanceof RecordedRequest));
        assert.deepEqual(inPlace.usable.map(inFull), objects.usable.map(inFull));
        assert.equal(inPlace.usable.length, events.length);
      }),
    );
  });

  it('is none that is not sound', () => {
    fc.assert(
      fc.property(unsound, (event) => {
        const bytes = written([event]);
        const [inPlace, objects] = [received(bytes, true), received(bytes, false)];
        assert.deepEqual(inPlace, objects);
      }),
      { numRuns: 500 },
    );
  });

  it('is judged as an object is, whatever its bytes are', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(
        fc.array(requests, { minLength: 1, maxLength: 3 }),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (events, changes, cut) => {
          const whole = written(events);
          for (const { at, byte } of changes) whole[at % whole.length] = byte;
          const bytes = cut % 3 === 0 ? whole.slice(0, cut % whole.length) : whole;
          const [inPlace, objects] = [received(bytes, true), received(bytes, false)];
          assert.deepEqual(inPlace?.usable.map(inFull), objects?.usable.map(inFull));
          assert.equal(inPlace?.refused, objects?.refused);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('is the row, the figures, the log record and, with a hidden user, the event that its object is', () => {
    const resource = {} as Parameters<typeof eventRecord>[2];
    fc.assert(
      fc.property(fc.array(requests, { minLength: 1, maxLength: 8 }), (events) => {
        const bytes = written(events);
        const [inPlace = [], objects = []] = [received(bytes, true), received(bytes, false)].map((taken) =>
          taken?.usable.map((event) => sentBy(event, SENDER)),
        );
        assert.equal(inPlace.length, events.length);
        const [rows, rowsOfObjects] = [encodeEvents(inPlace), encodeEvents(objects)];
        assert.ok(rows.payload.equals(rowsOfObjects.payload));
        assert.deepEqual(rows.rejected, rowsOfObjects.rejected);
        assert.deepEqual(new EventMeter().measure(inPlace), new EventMeter().measure(objects));
        const users = pseudonymsOf({ key: () => 'key', userHeaders: null });
        const hidden = (event: NervecenterEvent) => inFull(users.event(event));
        assert.deepEqual(inPlace.map(hidden), objects.map(hidden));
        const record = (event: NervecenterEvent) =>
          JSON.parse(String(eventRecord(event, { writer: SENDER.instanceId, seq: 1 }, resource).body));
        assert.deepEqual(inPlace.map(record).map(inFull), objects.map(record).map(inFull));
      }),
    );
  });

  it('is none that only claims to be one: an object has the id and the trace that it says', () => {
    fc.assert(
      fc.property(requests, fc.constantFrom(true, 7, 'x'.repeat(1000), {}), (event, claim) => {
        const claimed = { ...event, sender: SENDER, recordedId: claim, recordedTraceId: claim };
        const honest = encodeEvents([{ ...event, sender: SENDER } as NervecenterEvent]);
        assert.ok(encodeEvents([claimed as NervecenterEvent]).payload.equals(honest.payload));
      }),
    );
  });
});

describe('what a message claims to be events', () => {
  const event = fc.sample(requests, 1)[0] ?? assert.fail();

  it('is taken without what no event has', () => {
    const [taken] = eventsOf([{ ...event, recordedId: true, more: 1 }])?.usable ?? [];
    assert.deepEqual(taken, JSON.parse(JSON.stringify(event)));
  });

  it('is refused where nobody would get through it: in itself, deep, or wide', () => {
    const attributes: Record<string, unknown> = {};
    attributes['self'] = attributes;
    const wide = Array.from({ length: 1000 }, () => new Array(1000).fill(0));
    const call = oneOfEach().find(({ signal }) => signal === 'llm-call') ?? assert.fail();
    assert.ok('usage' in call && call.usage !== null);
    for (const more of [attributes, { wide }, { bytes: new Uint8Array(8) }]) {
      const claimed: object = { ...call, usage: { ...call.usage, ...more } };
      assert.equal(eventsOf([claimed, call])?.refused, 1);
    }
  });
});
