import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { DecodeError } from '../../../../../src/collector/receivers/otlp/decode/decode-error.ts';
import { OtlpDecoder } from '../../../../../src/collector/receivers/otlp/decode/decoder.ts';
import { decode, type Json, plain, protobufOf } from '../messages.ts';

const example = (name: string) =>
  readFileSync(join(import.meta.dirname, '..', 'examples', `${name}.json`), 'utf8');

const TRACE_ID = '5b8efff798038103d269b633813fc60c';
const SPAN_ID = 'eee19b7ec3c1b174';
const spansOf = (...spans: Json[]): Json => ({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
const span = (fields: Record<string, Json> = {}): Json => ({ traceId: TRACE_ID, spanId: SPAN_ID, ...fields });
const attribute = (key: string, value: Json): Json => ({ key, value });
const jsonOf = (value: Json) => Buffer.from(JSON.stringify(value));

/** The refusal of a body. */
function refusal(signal: 'traces' | 'metrics' | 'logs', body: Buffer, encoding: 'protobuf' | 'json'): string {
  try {
    decode(signal, body, encoding);
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return error.message;
  }
  return 'accepted';
}

describe('JSON that is not right', () => {
  for (const [what, body, expected] of [
    [
      'an id',
      spansOf(span(), span({ traceId: 'xyz' })),
      /^resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[1\]\.traceId: expected 32 hex digits, not "xyz"$/,
    ],
    [
      'an id in base64',
      spansOf(span({ spanId: '7uGbfsPBsXQ=' })),
      /spans\[0\]\.spanId: expected 16 hex digits/,
    ],
    ['a name', spansOf(span({ name: 5 })), /spans\[0\]\.name: expected a text, not 5$/],
    [
      'a time',
      spansOf(span({ startTimeUnixNano: '-1' })),
      /startTimeUnixNano: expected a whole number from 0 up, not "-1"$/,
    ],
    [
      'a kind',
      spansOf(span({ kind: 'SPAN_KIND_NONE' })),
      /kind: expected a number or one of SPAN_KIND_UNSPECIFIED …, not "SPAN_KIND_NONE"$/,
    ],
    [
      'spans',
      { resourceSpans: [{ scopeSpans: [{ spans: {} }] }] },
      /^resourceSpans\[0\]\.scopeSpans\[0\]\.spans: expected a list, not an object$/,
    ],
    ['an item', { resourceSpans: [7] }, /^resourceSpans\[0\]: expected an object, not 7$/],
    [
      'a value',
      spansOf(span({ attributes: [attribute('a', { intValue: 'x' })] })),
      /attributes\[0\]\.value\.intValue: expected a whole number, not "x"$/,
    ],
    ['everything', [], /^expected an object, not a list$/],
  ] as const) {
    it(`tells what was expected and where: ${what}`, () => {
      assert.match(refusal('traces', jsonOf(body as Json), 'json'), expected);
    });
  }

  it('tells that it is no JSON', () => {
    assert.match(refusal('traces', Buffer.from('{"resourceSpans": ['), 'json'), /^expected JSON \(/);
  });

  it('shows what came short and on one line', () => {
    const message = refusal('logs', jsonOf({ resourceLogs: `a\n\u001b[31m${'x'.repeat(1000)}` }), 'json');
    assert.match(message, /^resourceLogs: expected a list, not "a\\n\\u001b\[31mx+\.\.\.$/);
    assert.ok(message.length < 100, message);
  });
});

describe('JSON that is right in other words', () => {
  it('has names by protobuf, enums by name, numbers for 64 bits, nulls, and fields nobody knows', () => {
    const usual = decode(
      'traces',
      jsonOf(spansOf(span({ kind: 3, startTimeUnixNano: '1000000', status: { code: 2, message: 'm' } }))),
      'json',
    );
    const other = decode(
      'traces',
      jsonOf({
        resource_spans: [
          {
            resource: null,
            scope_spans: [
              {
                spans: [
                  {
                    trace_id: TRACE_ID.toUpperCase(),
                    span_id: SPAN_ID,
                    kind: 'SPAN_KIND_CLIENT',
                    start_time_unix_nano: 1_000_000,
                    status: { code: 'STATUS_CODE_ERROR', message: 'm' },
                    attributes: null,
                    unheardOf: { of: [] },
                  },
                ],
              },
            ],
          },
        ],
      }),
      'json',
    );
    assert.deepEqual(plain(other.records), plain(usual.records));
    assert.equal(other.records.length, 1);
  });
});

describe('bytes that are no protobuf', () => {
  const valid = protobufOf('traces', JSON.parse(example('trace')));

  it('are refused wherever they are cut off, or what is left is whole', () => {
    let refused = 0;
    for (let end = 1; end < valid.length; end++) {
      const message = refusal('traces', valid.subarray(0, end), 'protobuf');
      if (message !== 'accepted') refused++;
      if (message !== 'accepted')
        assert.match(message, /^(resourceSpans\[0\]: )?expected .* (bytes|end|varint)|not -?\d+$/);
    }
    assert.equal(refused, valid.length - 1);
  });

  for (const [what, bytes, expected] of [
    ['a group', [0x0b], /^expected no groups$/],
    ['the end of one', [0x0c], /^expected no groups$/],
    ['a wire type that is none', [0x0e], /^expected a wire type from 0 to 5, not 6$/],
    ['field 0', [0x02, 0x00], /^expected the number of a field, not 0$/],
    ['a varint of eleven bytes', [...Array(10).fill(0x80), 0x00], /^expected a varint of at most 64 bits$/],
    ['a varint of 65 bits', [0x10, ...Array(9).fill(0xff), 0x02], /^expected a varint of at most 64 bits$/],
    ['a varint without an end', [0x10, 0x80], /^expected the rest of a varint, not the end$/],
    [
      'a varint for a message',
      [0x08, 0x05],
      /^resourceSpans\[0\]: expected a length-delimited field, not a varint one$/,
    ],
    [
      'a message longer than what holds it',
      [0x0a, 0x04, 0x12, 0x10, 0x00, 0x00],
      /^resourceSpans\[0\]: expected 16 more bytes, not 2$/,
    ],
    [
      'a length of more than 32 bits',
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      /expected a length in 32 bits/,
    ],
  ] as const) {
    it(`are refused: ${what}`, () => {
      assert.match(refusal('traces', Buffer.from(bytes), 'protobuf'), expected);
    });
  }

  it('tell the place, also of an id of the wrong length', () => {
    const body = protobufOf('traces', spansOf(span(), span({ traceId: 'abcd' })));
    assert.equal(
      refusal('traces', body, 'protobuf'),
      'resourceSpans[0].scopeSpans[0].spans[1].traceId: expected 16 bytes, not 2',
    );
  });
});

describe('what is left out', () => {
  for (const encoding of ['json', 'protobuf'] as const) {
    const read = (signal: 'traces' | 'metrics' | 'logs', request: Json) =>
      decode(signal, encoding === 'json' ? jsonOf(request) : protobufOf(signal, request), encoding);

    it(`is counted and named, of spans (${encoding})`, () => {
      const none = '0'.repeat(32);
      const { records, rejected } = read(
        'traces',
        spansOf(span(), { spanId: SPAN_ID }, span({ traceId: none }), span({ spanId: '' })),
      );
      assert.equal(records.length, 1);
      assert.deepEqual(rejected, {
        count: 3,
        message: 'left out: 2 spans without a trace id; 1 spans without a span id',
      });
    });

    it(`is counted and named, of data points (${encoding})`, () => {
      const point = { bucketCounts: ['1', '2'], explicitBounds: [1, 2], count: '3' };
      const right = { bucketCounts: ['1', '2'], explicitBounds: [1], count: '3' };
      const empty = { count: '3', sum: 1 };
      const { records, rejected } = read('metrics', {
        resourceMetrics: [
          { scopeMetrics: [{ metrics: [{ name: 'h', histogram: { dataPoints: [point, right, empty] } }] }] },
        ],
      });
      assert.equal((records[0] as { data: { points: unknown[] } }).data.points.length, 2);
      assert.equal(rejected.count, 1);
      assert.match(rejected.message, /one bucket more than bounds/);
    });

    it(`is what goes past the bounds of a record, which is kept (${encoding})`, () => {
      const many = Array.from({ length: 1030 }, (_, index) => attribute(`k${index}`, { intValue: index }));
      const nested = (depth: number): Json =>
        depth === 0 ? { boolValue: true } : { arrayValue: { values: [nested(depth - 1)] } };
      const { records, rejected } = read(
        'traces',
        spansOf(
          span({ attributes: many }),
          span({ attributes: [attribute('long', { stringValue: `${'é'.repeat(131_072)}é` })] }),
          span({ attributes: [attribute('deep', nested(16))] }),
        ),
      );
      assert.equal(rejected.count, 0);
      assert.match(rejected.message, /6 attributes beyond the 1024 of a record/);
      assert.match(rejected.message, /1 ends of values of more than 262144 bytes/);
      const attributes = records.map((one) => (one as { attributes: Record<string, unknown> }).attributes);
      assert.equal(Object.keys(attributes[0] ?? {}).length, 1024);
      assert.equal(attributes[1]?.['long'], 'é'.repeat(131_072));
      assert.ok(attributes[2]?.['deep']);
      const deeper = spansOf(span({ attributes: [attribute('deep', nested(17))] }));
      assert.throws(
        () => read('traces', deeper),
        /attributes\[0\].*expected at most 16 lists and maps in each other/,
      );
    });

    it(`is what goes past the records of a request (${encoding})`, () => {
      const records: Json[] = Array.from({ length: 50_003 }, () => ({ severityNumber: 9 }));
      const { records: kept, rejected } = read('logs', {
        resourceLogs: [{ scopeLogs: [{ logRecords: records }] }],
      });
      assert.equal(kept.length, 50_000);
      assert.equal(rejected.count, 3);
    });

    it(`is what goes past them also where none of them can be used (${encoding})`, () => {
      const { records, rejected } = read('traces', spansOf(...Array.from({ length: 50_003 }, () => ({}))));
      assert.equal(records.length, 0);
      assert.deepEqual(rejected, {
        count: 50_003,
        message: 'left out: 50000 spans without a trace id; 3 records beyond the 50000 of a request',
      });
    });

    it(`is what goes past the events of a request (${encoding})`, () => {
      const events = Array.from({ length: 1024 }, () => ({}));
      const { records, rejected } = read(
        'traces',
        spansOf(...Array.from({ length: 100 }, () => span({ events }))),
      );
      const kept = records.reduce((sum, one) => sum + (one as { events: unknown[] }).events.length, 0);
      assert.equal(records.length, 100);
      assert.equal(kept, 100_000);
      assert.deepEqual(rejected, {
        count: 0,
        message: 'left out: 2400 events beyond the 100000 of a request',
      });
    });
  }
});

describe('a request of nothing but empty messages', () => {
  const many = Array.from({ length: 50_001 }, () => ({}));
  for (const [signal, resources, scopes] of [
    ['traces', 'resourceSpans', 'scopeSpans'],
    ['metrics', 'resourceMetrics', 'scopeMetrics'],
    ['logs', 'resourceLogs', 'scopeLogs'],
  ] as const) {
    for (const encoding of ['json', 'protobuf'] as const) {
      it(`is refused: of ${signal} (${encoding})`, () => {
        const refused = (request: Json) =>
          refusal(signal, encoding === 'json' ? jsonOf(request) : protobufOf(signal, request), encoding);
        assert.match(refused({ [resources]: many }), /expected at most 50000 resources in a request$/);
        assert.match(
          refused({ [resources]: [{ [scopes]: many.slice(1) }, { [scopes]: [{}] }] }),
          /expected at most 50000 scopes in a request$/,
        );
      });
    }
  }
});

describe('the attributes of a span', () => {
  const request = spansOf(
    span({
      attributes: [
        attribute('wanted', { stringValue: 'a' }),
        attribute('other', { stringValue: 'b' }),
        attribute('list.0.id', { intValue: '-9007199254740991' }),
        attribute('elsewhere', { stringValueStrindex: 3 }),
        attribute('empty', {}),
        attribute('__proto__', { stringValue: 'c' }),
      ],
    }),
  );
  const decoder = new OtlpDecoder(['wanted', 'missing', 'elsewhere', 'list.*']);

  for (const encoding of ['json', 'protobuf'] as const) {
    const [read] = decoder.spans(
      encoding === 'json' ? jsonOf(request) : protobufOf('traces', request),
      encoding,
    ).records;

    it(`are those that are wanted, by name or by how they begin (${encoding})`, () => {
      assert.deepEqual(Object.entries(read?.attributes ?? {}), [
        ['wanted', 'a'],
        ['list.0.id', -9_007_199_254_740_991],
      ]);
    });

    it(`are all of them when asked for, and inherit nothing (${encoding})`, () => {
      const all = read?.allAttributes() ?? {};
      assert.deepEqual(Object.entries(all).toSorted(), [
        ['__proto__', 'c'],
        ['empty', null],
        ['list.0.id', -9_007_199_254_740_991],
        ['other', 'b'],
        ['wanted', 'a'],
      ]);
      assert.equal(all['constructor'], undefined);
      assert.equal(all['elsewhere'], undefined);
    });
  }

  for (const [what, tag] of [
    ['of a wire type that is none', 0x0f],
    ['a double cut short', 0x21],
    ['32 bits cut short', 0x4d],
    ['a varint of another type than the field has', 0x28],
  ] as const) {
    it(`that were passed over may be damaged, ${what}: then the others are given`, () => {
      const bytes = protobufOf('traces', request);
      const at = bytes.indexOf('other') + 'other'.length;
      bytes[at + 2] = tag; // In its value.
      const [damaged] = decoder.spans(bytes, 'protobuf').records;
      assert.deepEqual(Object.keys(damaged?.allAttributes() ?? {}).toSorted(), [
        '__proto__',
        'empty',
        'list.0.id',
        'wanted',
      ]);
    });
  }
});

describe('a resource', () => {
  it('is one object for all its records, wherever it stands among the fields', () => {
    const request: Json = {
      resourceSpans: [
        {
          resource: { attributes: [attribute('a', { intValue: 1 })] },
          scopeSpans: [{ spans: [span(), span()] }],
        },
      ],
    };
    const bytes = protobufOf('traces', request);
    const { records } = new OtlpDecoder([]).spans(swapped(bytes), 'protobuf');
    assert.equal(records.length, 2);
    assert.equal(records[0]?.resource, records[1]?.resource);
    assert.deepEqual({ ...records[0]?.resource.attributes }, { a: 1 });
  });
});

/** The same `ResourceSpans` with its second field before its first; both are shorter than 128 bytes. */
function swapped(bytes: Buffer): Buffer {
  const inner = bytes.subarray(2);
  const firstEnd = 2 + (inner[1] ?? 0);
  return Buffer.concat([bytes.subarray(0, 2), inner.subarray(firstEnd), inner.subarray(0, firstEnd)]);
}
