import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { type HideUsers, userHidingOf } from '../../../src/collector/users/otlp-body.ts';
import { pseudonymsOf } from '../../../src/collector/users/pseudonyms.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { messageOf, protobufOf, REQUESTS } from '../receivers/otlp/messages.ts';
import { requestEvent } from '../sinks/postgres/events.ts';

const KEY = 'a key that nobody else has';
const USER = 'ada@example.com';
const headers = { email: 'x-forwarded-email', department: 'x-department' };
const hiding = (key = KEY) => pseudonymsOf({ key: () => key, userHeaders: headers });
const HIDDEN = hiding().of(USER);

describe('a user by its hash', () => {
  it('is the same for the same key, another for another, and stays what it is when it is hidden again', () => {
    assert.match(HIDDEN, /^user-[\da-f]{32}$/);
    assert.equal(hiding().of(` ${USER}`), HIDDEN);
    assert.notEqual(hiding('another key').of(USER), HIDDEN);
    assert.notEqual(hiding().of('bob@example.com'), HIDDEN);
    assert.equal(hiding().of(HIDDEN), HIDDEN);
  });

  it('is in events; departments and all else stay', () => {
    const event = { ...requestEvent(), userEmail: USER, department: 'sales' } as NervecenterEvent;
    assert.deepEqual(hiding().event(event), { ...event, userEmail: HIDDEN });
    const nobody = { ...requestEvent(), userEmail: null } as NervecenterEvent;
    assert.equal(hiding().event(nobody), nobody);
  });

  it('is in the attributes of spans, nested, in lists and as numbers; what many share stays', () => {
    const attributes = {
      'user.email': USER,
      'enduser.id': 42,
      'user.roles': ['admin'],
      'user.department': 'sales',
      'enduser.scope': 'read',
      'http.request.header.x-forwarded-email': [USER],
      'http.route': '/users/:id',
      user: { id: USER, department: 'sales' },
    };
    const span = {
      signal: 'span',
      id: '0',
      timeMs: milliseconds(1),
      attributes: JSON.stringify(attributes),
      events: JSON.stringify([['login', 3, { 'user.name': 'Ada' }]]),
    } as unknown as NervecenterEvent;
    const hidden = hiding().event(span) as unknown as { attributes: string; events: string };
    assert.deepEqual(JSON.parse(hidden.attributes), {
      ...attributes,
      'user.email': HIDDEN,
      'enduser.id': hiding().of('42'),
      'http.request.header.x-forwarded-email': [HIDDEN],
      user: { id: HIDDEN, department: 'sales' },
    });
    assert.deepEqual(JSON.parse(hidden.events), [['login', 3, { 'user.name': hiding().of('Ada') }]]);
  });
});

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const attributes = (user: string) => [
  text('http.route', '/ask'),
  text('user.email', user),
  { key: 'ids', value: { kvlistValue: { values: [text('user.id', user), text('other', 'stays')] } } },
];
const tracesOf = (user: string) => ({
  resourceSpans: [
    {
      resource: { attributes: attributes(user) },
      scopeSpans: [
        {
          scope: { name: 's', attributes: attributes(user) },
          spans: [
            {
              traceId: '0102030405060708090a0b0c0d0e0f10',
              spanId: '0102030405060708',
              name: 'ask',
              startTimeUnixNano: '1790000000000000001',
              endTimeUnixNano: '1790000000000000002',
              attributes: attributes(user),
              events: [{ timeUnixNano: '1790000000000000001', name: 'e', attributes: attributes(user) }],
              links: [
                {
                  traceId: '0102030405060708090a0b0c0d0e0f10',
                  spanId: '0102030405060709',
                  attributes: attributes(user),
                },
              ],
            },
          ],
        },
      ],
    },
  ],
});
const metricsOf = (user: string) => ({
  resourceMetrics: [
    {
      resource: { attributes: attributes(user) },
      scopeMetrics: [
        {
          scope: { name: 's' },
          metrics: [
            { name: 'g', gauge: { dataPoints: [{ asDouble: 1.5, attributes: attributes(user) }] } },
            { name: 's', sum: { dataPoints: [{ asInt: '3', attributes: attributes(user) }] } },
            { name: 'h', histogram: { dataPoints: [{ count: '1', attributes: attributes(user) }] } },
            {
              name: 'e',
              exponentialHistogram: {
                dataPoints: [{ count: '1', scale: 2, attributes: attributes(user) }],
              },
            },
          ],
        },
      ],
    },
  ],
});
const logsOf = (user: string) => ({
  resourceLogs: [
    {
      resource: { attributes: attributes(user) },
      scopeLogs: [
        {
          logRecords: [
            {
              timeUnixNano: '1790000000000000001',
              body: { kvlistValue: { values: [text('user.email', user)] } },
              attributes: attributes(user),
            },
          ],
        },
      ],
    },
  ],
});

/** One request per signal, with a user wherever attributes can be. */
const requests = (user: string) => ({ traces: tracesOf(user), metrics: metricsOf(user), logs: logsOf(user) });

function lengthOf({ length }: Buffer): Buffer {
  return Buffer.from(
    length < 128
      ? [length]
      : length < 16_384
        ? [(length & 127) | 128, length >> 7]
        : [(length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14],
  );
}

describe('the body of an OTLP request', () => {
  const hide: HideUsers = userHidingOf(hiding());

  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    it(`of ${signal} in protobuf has hashes in the place of users, and all else as it came`, () => {
      const told = protobufOf(signal, requests(USER)[signal]);
      const hidden = hide(signal, 'protobuf', told);
      assert.equal(hidden.includes(USER), false);
      const message = (body: Buffer) => messageOf(REQUESTS[signal], body);
      assert.deepEqual(message(hidden), message(protobufOf(signal, requests(HIDDEN)[signal])));
    });

    it(`of ${signal} in JSON likewise`, () => {
      const hidden = hide(signal, 'json', Buffer.from(JSON.stringify(requests(USER)[signal])));
      assert.deepEqual(JSON.parse(hidden.toString()), requests(HIDDEN)[signal]);
    });
  }

  it('without a user is the same bytes', () => {
    const body = Buffer.from(
      JSON.stringify({ resourceSpans: [{ resource: { attributes: [text('a', 'b')] } }] }),
    );
    assert.equal(hide('traces', 'json', body), body);
    const binary = protobufOf('traces', JSON.parse(body.toString()));
    assert.equal(hide('traces', 'protobuf', binary), binary);
  });

  it('with the attribute in escapes, or with times as numbers past 2^53, is read as others read it', () => {
    const body = Buffer.from(
      `{"resourceSpans":[{"resource":{"attributes":[{"key":"\\u0075ser.email","value":{"stringValue":"${USER}"}}]},"time":1790000000000000001}]}`,
    );
    const hidden = hide('traces', 'json', body).toString();
    assert.equal(hidden.includes(USER), false);
    assert.match(hidden, /"time":"1790000000000000001"/);
  });

  it('with the name of the attribute in any case has none either', () => {
    const body = Buffer.from(
      '{"resourceSpans":[{"resource":{"attributes":[{"key":"USER.ID","value":{"stringValue":"ada@example.com"}}]}}]}',
    );
    assert.doesNotMatch(hide('traces', 'json', body).toString(), /ada@/);
  });

  it('that cannot be read, or is too deep, is refused', () => {
    // Of messages of the protocol's, each in the value of the one before: a map of one attribute.
    const field = (number: number, content: Buffer) =>
      Buffer.concat([Buffer.from([number * 8 + 2]), lengthOf(content), content]);
    const key = field(1, Buffer.from('a user'));
    let value = Buffer.alloc(0);
    for (let level = 0; level < 300; level++)
      value = field(6, field(1, Buffer.concat([field(1, Buffer.from('k')), field(2, value)])));
    const deep = field(1, field(1, field(1, Buffer.concat([key, field(2, value)]))));
    const bad: [Parameters<HideUsers>[1], Buffer][] = [
      ['json', Buffer.from('{"user":')],
      ['json', Buffer.from(`${'['.repeat(3000)}"user"${']'.repeat(3000)}`)],
      ['protobuf', Buffer.from('user.emails')],
      ['protobuf', deep],
    ];
    for (const [encoding, body] of bad) {
      assert.throws(
        () => hide('traces', encoding, body),
        (error) => error instanceof NervecenterError && error.code === 'NC_BAD_REQUEST',
      );
    }
  });
});
