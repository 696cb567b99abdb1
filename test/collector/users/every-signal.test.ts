import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { userHidingOf } from '../../../src/collector/users/otlp-body.ts';
import { pseudonymsOf } from '../../../src/collector/users/pseudonyms.ts';
import type { Point, Source } from '../../../src/core/frame.ts';
import { type NervecenterEvent, SIGNALS } from '../../../src/core/signals/index.ts';
import { messageOf, protobufOf, REQUESTS } from '../receivers/otlp/messages.ts';
import { oneOfEach, spanEvent } from '../sinks/postgres/events.ts';

const USER = 'ada.lovelace@example.com';
const OTHER = 'no-user-at-all';
const headers = { email: 'x-forwarded-email', department: null };
const hiding = pseudonymsOf({ key: () => 'a key that nobody else has', userHeaders: headers });

/** Names by which conventions, tools and headers say who it was, in the spellings that people use. */
const spelledName = fc
  .tuple(
    fc
      .constantFrom(
        'user.id user.email user.name enduser.id baggage.user.id langfuse.user.id userId user_id User usr.id'.split(
          ' ',
        ),
        'http.request.header.x-forwarded-email http.request.header.x_forwarded_email X-User-Id app.user.email'.split(
          ' ',
        ),
        'traceloop.association.properties.user_id ai.telemetry.metadata.userid email user.pseudo.id'.split(
          ' ',
        ),
      )
      .chain((names) => fc.constantFrom(...names)),
    fc.constantFrom(
      (name: string) => name,
      (name: string) => name.toUpperCase(),
      (name: string) => name.toLowerCase(),
      (name: string) => `app.${name}`,
    ),
  )
  // In capitals alone nobody knows where words end but by what sets them off.
  .map(([name, spell]) => (name === 'userId' ? spell('user-id') : spell(name)));

type Told = string | number | boolean | null | Told[] | { [key: string]: Told };

/** The user in an attribute, somewhere below others, in lists or as JSON in a text, among what is nobody's. */
const toldSomewhere = fc
  .tuple(spelledName, fc.array(fc.constantFrom('below', 'list', 'text'), { maxLength: 3 }))
  .map(([name, ways]) => {
    let attributes: { [key: string]: Told } = { [name]: USER, other: OTHER, count: 3 };
    for (const way of ways) {
      if (way === 'below') attributes = { outer: attributes };
      else if (way === 'list') attributes = { items: [attributes, OTHER] };
      else attributes = { metadata: JSON.stringify(attributes) };
    }
    return attributes;
  });

function assertHidden(hidden: unknown): void {
  const text = JSON.stringify(hidden);
  assert.ok(!text.includes(USER), text);
  assert.match(text, /user-[\da-f]{32}/);
}

function rowOf(event: NervecenterEvent): unknown[] {
  const columns = SIGNALS[event.signal].columns as readonly { value(event: NervecenterEvent): unknown }[];
  return columns.map((column) => column.value(event));
}

const RUNS = { numRuns: 500 };

describe('a user who is hidden', () => {
  it('is in no event of any signal, and in no row', () => {
    const told = oneOfEach();
    assert.deepEqual(new Set(told.map(({ signal }) => signal)), new Set(Object.keys(SIGNALS)));
    for (const event of told) {
      const ofUser = {
        ...event,
        ...('userEmail' in event && { userEmail: USER }),
        ...('errorMessage' in event && { errorMessage: `no quota for <${USER}>, ask bob@example.com.` }),
      } as NervecenterEvent;
      const hidden = hiding.event(ofUser);
      assert.ok(!JSON.stringify([hidden, rowOf(hidden)]).match(/ada\.|bob@/), event.signal);
      if ('userEmail' in hidden) assertHidden(hidden);
    }
  });

  it('is in no span, whatever its attribute is called, and wherever it is', () => {
    fc.assert(
      fc.property(toldSomewhere, (attributes) => {
        const base = spanEvent({
          attributes: JSON.stringify(attributes),
          events: JSON.stringify([['login', 3, attributes]]),
        });
        const link = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, dropped: 0 };
        const whole = {
          startTime: [1, 2] as const,
          endTime: [1, 3] as const,
          traceState: null,
          statusMessage: null,
          scope: { version: null, schemaUrl: null },
          attributes,
          events: [{ name: 'login', time: [1, 2] as const, attributes, dropped: 0 }],
          links: [{ ...link, attributes }],
          dropped: { attributes: 0, events: 0, links: 0 },
        };
        const hidden = hiding.event({ ...base, whole }) as typeof base & { whole: typeof whole };
        for (const part of [hidden.attributes, hidden.events, hidden.whole.attributes, hidden.whole.events])
          assertHidden(part);
        assertHidden(hidden.whole.links);
        assert.ok(hidden.attributes.includes(OTHER));
      }),
      RUNS,
    );
  });

  it('is in no measurement, and in nothing that a process says of itself', () => {
    fc.assert(
      fc.property(spelledName, (name) => {
        const attributes = { [name]: USER, other: OTHER };
        const point: Point = {
          kind: 'counter',
          name: 'orders',
          unit: '',
          description: '',
          attributes,
          value: 1,
        };
        assertHidden(hiding.points([point]));
        assertHidden(hiding.resource(attributes));
      }),
      RUNS,
    );
    const plain: Source['resource'] = { other: OTHER };
    assert.equal(hiding.resource(plain), plain);
    const points: Point[] = [
      { kind: 'gauge', name: 'g', unit: '', description: '', attributes: { a: 1 }, value: 1 },
    ];
    assert.equal(hiding.points(points), points);
  });

  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    it(`is in no body of ${signal} by OTLP`, () => {
      const hide = userHidingOf(hiding);
      fc.assert(
        fc.property(toldSomewhere, (attributes) => {
          const request = requestOf(attributes)[signal];
          const inJson = hide(signal, 'json', Buffer.from(JSON.stringify(request)));
          assertHidden(JSON.parse(inJson.toString()));
          const message = messageOf(REQUESTS[signal], hide(signal, 'protobuf', protobufOf(signal, request)));
          assertHidden(message);
          assert.ok(JSON.stringify(message).includes(OTHER));
        }),
        RUNS,
      );
    });
  }
});

/** As OTLP's JSON has values. */
function anyValueOf(value: Told): Told {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { intValue: String(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  if (value === null) return {};
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValueOf) } };
  return { kvlistValue: { values: attributesOf(value) } };
}

function attributesOf(attributes: { readonly [key: string]: Told }): Told[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValueOf(value) }));
}

function requestOf(told: { readonly [key: string]: Told }) {
  const attributes = attributesOf(told);
  const resource = { attributes };
  const times = { startTimeUnixNano: '1790000000000000001', endTimeUnixNano: '1790000000000000002' };
  const ids = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '0102030405060708' };
  const span = { ...ids, ...times, name: 'ask', attributes, events: [{ name: 'e', attributes }] };
  const sum = { dataPoints: [{ asInt: '3', attributes }] };
  const body = anyValueOf({ said: told });
  return {
    traces: { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] },
    metrics: { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [{ name: 's', sum }] }] }] },
    logs: {
      resourceLogs: [{ resource, scopeLogs: [{ logRecords: [{ body, attributes }] }] }],
    },
  };
}
