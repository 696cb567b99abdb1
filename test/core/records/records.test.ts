import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { requestOf } from '../../../src/agent/pipeline.ts';
import { writeLlmCall } from '../../../src/core/records/call-record.ts';
import { writeEvent } from '../../../src/core/records/event-record.ts';
import type { FieldKind } from '../../../src/core/records/layout.ts';
import { writeRagQuery } from '../../../src/core/records/query-record.ts';
import { RecordOutput } from '../../../src/core/records/record-output.ts';
import { type ClaimedEvent, RecordError, RecordReader } from '../../../src/core/records/record-reader.ts';
import { type SeenRequest, writeRequest } from '../../../src/core/records/request-record.ts';
import { isTraceId } from '../../../src/core/signals/checks.ts';
import {
  type NervecenterEvent,
  SIGNAL_NAMES,
  SIGNALS,
  signalNamed,
} from '../../../src/core/signals/index.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { eventIdOf, newIdSeed, traceIdOf, writeEventId, writeTraceId } from '../../../src/platform/ids.ts';
import { requestEvent } from '../../link/messages.ts';

const BYTES = 64 * 1024;
const IDS = { eventId: writeEventId, traceId: writeTraceId };
const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constant('é'.repeat(300)));
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const orNone = (values: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 4, arbitrary: values }, fc.constantFrom(null, undefined));
const jsonObject = fc.dictionary(
  fc.string().filter((name) => name !== '__proto__'),
  fc.oneof(fc.string(), fc.integer(), fc.constant(null)),
);

/** What a field of each kind may be. */
const VALUES: Readonly<Record<FieldKind, fc.Arbitrary<unknown>>> = {
  uuid: fc.uuid(),
  trace: orNone(fc.oneof(hex(32), text)),
  span: orNone(fc.oneof(hex(16), text)),
  number: orNone(number),
  name: orNone(text),
  text: orNone(text),
  flag: orNone(fc.boolean()),
  numbers: orNone(
    fc.dictionary(
      fc.string().filter((name) => name !== '__proto__'),
      number,
    ),
  ),
  json: orNone(jsonObject),
};

const anEvent = fc
  .constantFrom(...SIGNAL_NAMES)
  .chain((signal) =>
    fc
      .record(
        Object.fromEntries(
          Object.entries(signalNamed(signal).record).map(([name, kind]) => [name, VALUES[kind]]),
        ),
      )
      .map((fields) => withoutAbsent({ signal, ...fields })),
  );

function withoutAbsent(event: Record<string, unknown>): NervecenterEvent {
  return Object.fromEntries(
    Object.entries(event).filter(([, value]) => value !== undefined),
  ) as unknown as NervecenterEvent;
}

/** What UTF-8 cannot say is said otherwise. */
function wellFormed(event: NervecenterEvent): unknown {
  return JSON.parse(JSON.stringify(event), (_name, value) =>
    typeof value === 'string' ? value.toWellFormed() : value,
  );
}

function written(events: readonly NervecenterEvent[]): {
  readonly bytes: Uint8Array;
  readonly ends: number[];
} {
  const bytes = new Uint8Array(BYTES);
  const writer = new RecordOutput();
  writer.begin(bytes);
  const ends = events.map((event) => {
    assert.ok(writeEvent(writer, event));
    return writer.length;
  });
  return { bytes: bytes.slice(0, writer.length), ends };
}

function read(bytes: Uint8Array): (ClaimedEvent | null)[] {
  const events: (ClaimedEvent | null)[] = [];
  new RecordReader().read(bytes, (event) => events.push(event));
  return events;
}

describe('records', () => {
  it('say of every event what it says, whatever its fields are', () => {
    fc.assert(
      fc.property(fc.array(anEvent, { maxLength: 8 }), (events) => {
        const { bytes, ends } = written(events);
        const seen: number[] = [];
        const events2: unknown[] = [];
        new RecordReader().read(bytes, (event, endsAt) => {
          events2.push(event);
          seen.push(endsAt);
        });
        assert.deepEqual(JSON.parse(JSON.stringify(events2)), events.map(wellFormed));
        assert.deepEqual(seen, ends);
      }),
    );
  });

  it('can be read in pieces that end where a record does', () => {
    fc.assert(
      fc.property(fc.array(anEvent, { minLength: 1, maxLength: 8 }), fc.nat(), (events, at) => {
        const { bytes, ends } = written(events);
        const cut = ends[at % ends.length] ?? 0;
        const reader = new RecordReader();
        let count = 0;
        for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) reader.read(piece, () => count++);
        assert.equal(count, events.length);
      }),
    );
  });

  it.each([
    ['llm-call', writeLlmCall],
    ['rag-query', writeRagQuery],
  ] as const)('of a %s are the same bytes, whichever way it is written', (signal, write) => {
    const fields = Object.entries(signalNamed(signal).record).map(([name, kind]) => [name, VALUES[kind]]);
    const event = fc.record(Object.fromEntries(fields)).map((values) => withoutAbsent({ signal, ...values }));
    const bytesOf = (
      writer: (records: RecordOutput, event: never) => boolean,
      events: NervecenterEvent[],
    ) => {
      const bytes = new Uint8Array(BYTES);
      const output = new RecordOutput();
      output.begin(bytes);
      for (const one of events) assert.ok(writer(output, one as never));
      return bytes.slice(0, output.length);
    };
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 4 }), (events) => {
        assert.deepEqual(bytesOf(write, events), bytesOf(writeEvent, events));
      }),
    );
  });

  it('of a request are the same bytes, whichever way it is written', () => {
    const ids = { eventId: () => assert.fail('it has one'), traceId: () => assert.fail('it has one') };
    const orAbsent = fc.constantFrom(undefined);
    const request = fc.record({
      ...Object.fromEntries(
        Object.entries(SIGNALS.request.record).map(([name, kind]) => [name, VALUES[kind]]),
      ),
      traceId: fc.oneof(hex(32), text, fc.constant(null)),
      parentSpanId: fc.oneof(hex(16), fc.constant(null)),
      scheme: fc.oneof(fc.constant('https'), orAbsent),
      outcome: fc.oneof(fc.constant('unfinished'), orAbsent),
    }) as unknown as fc.Arbitrary<SeenRequest>;
    fc.assert(
      fc.property(request, (seen) => {
        const outputs = [new RecordOutput(), new RecordOutput()];
        const [one, other] = outputs.map((output) => {
          const bytes = new Uint8Array(BYTES);
          output.begin(bytes);
          return { output, bytes };
        });
        assert.ok(one !== undefined && other !== undefined);
        assert.ok(writeRequest(one.output, seen, ids));
        assert.ok(writeEvent(other.output, requestOf(seen)));
        assert.deepEqual(
          read(one.bytes.slice(0, one.output.length)),
          read(other.bytes.slice(0, other.output.length)),
        );
      }),
    );
  });

  it('of a request without ids have new ones', () => {
    const output = new RecordOutput();
    const bytes = new Uint8Array(BYTES);
    output.begin(bytes);
    const { id: _, traceId: __, ...seen } = requestEvent();
    const timeMs = milliseconds(Date.now());
    const request = {
      ...seen,
      timeMs,
      id: undefined,
      traceId: undefined,
      parentSpanId: null,
      sampled: undefined,
    };
    const expected = Array.from({ length: 200 }, () => {
      const seed = newIdSeed();
      assert.ok(writeRequest(output, { ...request, seed }, IDS));
      return [eventIdOf(seed, timeMs), traceIdOf(seed, timeMs)];
    });
    const events = read(bytes.slice(0, output.length));
    assert.deepEqual(
      events.map((event) => [event?.['id'], event?.['traceId']]),
      expected,
      'the same as text',
    );
    for (const field of ['id', 'traceId'])
      assert.equal(new Set(events.map((event) => event?.[field])).size, events.length);
    for (const event of events) {
      assert.ok(SIGNALS.request.accepts.id(event?.['id']) && isTraceId(event?.['traceId']));
      const id = String(event?.['id']);
      assert.match(id, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      // Both begin with the time, which keeps what is stored near to what was stored before.
      assert.equal(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16), timeMs);
      assert.equal(Number.parseInt(String(event?.['traceId']).slice(0, 12), 16), timeMs);
    }
  });

  it('take a hundred bytes for a request, and its names once', () => {
    const event = { ...requestEvent(), traceId: 'ab'.repeat(16), route: '/items/:id'.repeat(20) };
    const { ends } = written([event, { ...event, id: randomUUID() }]);
    assert.ok((ends[1] ?? 0) - (ends[0] ?? 0) <= 100);
    assert.ok((ends[0] ?? 0) > 300);
  });

  it('are whole or not there: what does not fit leaves nothing', () => {
    const event = requestEvent();
    const { bytes } = written([event]);
    const writer = new RecordOutput();
    for (let size = 0; size < bytes.length; size++) {
      const memory = new Uint8Array(size);
      writer.begin(memory);
      assert.equal(writeEvent(writer, event), false);
      assert.equal(writer.length, 0);
    }
    writer.begin(new Uint8Array(bytes.length));
    assert.ok(writeEvent(writer, event));
  });

  it('of another version are read as far as they are known', () => {
    const { bytes } = written([requestEvent(), requestEvent()]);
    const longer = withRecord(bytes, (record) => Buffer.concat([record, Buffer.from('a field of later')]));
    assert.equal(read(longer).length, 2);
    const shorter = withRecord(bytes, (record) => record.subarray(0, record.length - 2));
    const [first] = read(shorter);
    assert.equal(first?.['outcome'], undefined);
    assert.equal(first?.['route'], '/items/:id');
  });

  it('of a signal that is not known are no event, and those behind them are', () => {
    const { bytes } = written([requestEvent(), requestEvent()]);
    const renamed = Buffer.from(bytes);
    renamed.write('tomorrow'.slice(0, 7), renamed.indexOf('request'), 'latin1');
    assert.deepEqual(read(renamed), [null, null]);
  });

  it('have a place for every field that a receiver looks at', () => {
    for (const signal of Object.values(SIGNALS))
      assert.deepEqual(
        Object.keys(signal.record).sort(),
        Object.keys(signal.accepts)
          .filter((field) => field !== 'retractsMs')
          .sort(),
      );
  });

  it('that are broken are refused, and nothing beyond them is read', () => {
    const whole = written([requestEvent(), requestEvent()]).bytes;
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(whole.length),
        (at, byte, length) => {
          const bytes = Buffer.from(whole.subarray(0, length));
          if (at < length) bytes[at] = byte;
          try {
            for (const event of read(bytes)) assert.equal(typeof event, 'object');
          } catch (error) {
            assert.ok(error instanceof RecordError);
          }
        },
      ),
      { numRuns: 5000 },
    );
  });
});

/** The same bytes with every event's record changed. */
function withRecord(bytes: Uint8Array, change: (record: Buffer) => Buffer): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const rest = Buffer.from(bytes.subarray(at));
    const length = rest.readUInt32LE(0);
    const record = rest.subarray(4, 4 + length);
    const changed = record[0] === 1 ? change(record) : record;
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(changed.length);
    records.push(prefix, changed);
    at += 4 + length;
  }
  return Buffer.concat(records);
}

describe('a name', () => {
  it('is no longer in its events than a text of an event may be, however many have it', () => {
    const output = new RecordOutput();
    const bytes = new Uint8Array(BYTES);
    output.begin(bytes);
    const long = 'é'.repeat(20_000);
    assert.ok(writeEvent(output, { ...requestEvent(), route: long, userEmail: 'a' }));
    const events: (ClaimedEvent | null)[] = [];
    new RecordReader().read(bytes.subarray(0, output.length), (event) => events.push(event));
    assert.equal(events[0]?.['route'], 'é'.repeat(4097));
  });

  it('that is longer is of nobody who may send', () => {
    const definition = (length: number) => {
      const bytes = new Uint8Array(5 + length).fill(97);
      new DataView(bytes.buffer).setUint32(0, 1 + length, true);
      bytes[4] = 0;
      return bytes;
    };
    const reader = new RecordReader();
    reader.read(definition(3 * 4097), () => {});
    assert.throws(() => reader.read(definition(3 * 4097 + 1), () => {}), RecordError);
  });
});
