import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { protobufOf } from '../../../../../src/collector/sinks/otlp/proto/from-json.ts';
import { jsonOf } from '../../../../../src/collector/sinks/otlp/proto/to-json.ts';
import { ANY_REQUEST } from '../../../receivers/otlp/any-request.ts';
import {
  decode,
  type Json,
  messageOf,
  protobufOf as oracle,
  plain,
  REQUESTS,
} from '../../../receivers/otlp/messages.ts';

const RUNS = 300;
const bytes = (request: unknown) => Buffer.from(JSON.stringify(request));
const span = (fields: Json): Json => ({ resourceSpans: [{ scopeSpans: [{ spans: [fields] }] }] });

for (const signal of ['traces', 'logs'] as const) {
  describe(`a request of ${signal}`, () => {
    it('is the same in protobuf as what protobufjs makes of its JSON', () => {
      fc.assert(
        fc.property(ANY_REQUEST[signal], (request) => {
          const ours = messageOf(REQUESTS[signal], protobufOf(signal, bytes(request)));
          assert.deepEqual(ours, messageOf(REQUESTS[signal], oracle(signal, request)));
        }),
        { numRuns: RUNS },
      );
    });

    it('is the same in JSON as in protobuf, there and back', () => {
      fc.assert(
        fc.property(ANY_REQUEST[signal], (request) => {
          const protobuf = oracle(signal, request);
          const json = jsonOf(signal, protobuf);
          const again = messageOf(REQUESTS[signal], protobufOf(signal, json));
          assert.deepEqual(again, messageOf(REQUESTS[signal], protobuf));
          const [fromJson, fromProtobuf] = [
            decode(signal, json, 'json'),
            decode(signal, protobuf, 'protobuf'),
          ];
          assert.deepEqual(plain(fromJson.records), plain(fromProtobuf.records));
        }),
        { numRuns: RUNS },
      );
    });
  });
}

describe('JSON', () => {
  it('may have names as protobuf has them, and values of enums by name', () => {
    const request = {
      resource_spans: [
        {
          scope_spans: [
            {
              spans: [
                {
                  trace_id: 'ab'.repeat(16),
                  kind: 'SPAN_KIND_CLIENT',
                  status: { code: 'STATUS_CODE_ERROR' },
                },
              ],
            },
          ],
        },
      ],
    };
    assert.deepEqual(JSON.parse(jsonOf('traces', protobufOf('traces', bytes(request))).toString()), {
      resourceSpans: [
        { scopeSpans: [{ spans: [{ traceId: 'ab'.repeat(16), kind: 3, status: { code: 2 } }] }] },
      ],
    });
  });

  it('keeps integers to the last digit, and what is no finite number', () => {
    const value = (one: Json): Json => ({ key: 'k', value: one });
    const attributes = [
      value({ intValue: '-9223372036854775808' }),
      value({ intValue: '9223372036854775807' }),
      value({ doubleValue: 'NaN' }),
      value({ doubleValue: '-Infinity' }),
    ];
    const request = span({ endTimeUnixNano: '18446744073709551615', attributes });
    assert.deepEqual(JSON.parse(jsonOf('traces', protobufOf('traces', bytes(request))).toString()), request);
  });

  it('that is none of OTLP is refused', () => {
    for (const request of [
      { resourceSpans: 1 },
      { resourceSpans: ['x'] },
      span({ traceId: 'xyz' }),
      span({ name: 7 }),
      span({ endTimeUnixNano: 'soon' }),
      span({ endTimeUnixNano: 1.5 }),
      span({ flags: {} }),
    ]) {
      assert.throws(() => protobufOf('traces', bytes(request)), Error, JSON.stringify(request));
    }
    const nested = `{"resourceSpans":[{"resource":{"attributes":[{"value":${'{"arrayValue":{"values":['.repeat(500)}${']}}'.repeat(500)}}]}}]}`;
    assert.throws(() => protobufOf('traces', Buffer.from(nested)), /too deep/);
  });
});

it('protobuf that ends too early is refused', () => {
  const whole = oracle('traces', span({ name: 'a span', traceId: 'ab'.repeat(16) }));
  assert.throws(() => jsonOf('traces', whole.subarray(0, -1)), RangeError);
});
