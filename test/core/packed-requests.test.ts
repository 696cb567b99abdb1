import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type PackedRequests, unpackRequests } from '../../src/core/packed-requests.ts';
import type { RequestEvent } from '../../src/core/signals/request.ts';
import { milliseconds } from '../../src/core/units.ts';

const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const request: fc.Arbitrary<RequestEvent> = fc.record(
  {
    signal: fc.constant('request' as const),
    id: fc.uuid(),
    timeMs: fc.nat().map(milliseconds),
    traceId: nullable(fc.string()),
    userEmail: nullable(fc.string()),
    department: nullable(fc.string()),
    route: fc.string(),
    method: fc.string(),
    statusCode: fc.integer({ min: 0, max: 599 }),
    durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }).map(milliseconds),
    requestBytes: nullable(fc.nat()),
    responseBytes: nullable(fc.nat()),
    parentSpanId: fc.string(),
    scheme: fc.constant('https' as const),
    sampled: fc.constant(false),
    outcome: fc.constant('unfinished' as const),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      'signal',
      'id',
      'timeMs',
      'traceId',
      'userEmail',
      'department',
      'route',
      'method',
      'statusCode',
      'durationMs',
      'requestBytes',
      'responseBytes',
    ],
  },
);
/** As agents of before have packed them. */
function packed(requests: readonly RequestEvent[]): PackedRequests {
  return requests.flatMap((one) => [
    one.id,
    one.timeMs,
    one.traceId,
    one.userEmail,
    one.department,
    one.route,
    one.method,
    one.statusCode,
    one.durationMs,
    one.requestBytes,
    one.responseBytes,
    one.parentSpanId ?? null,
    one.scheme ?? null,
    one.outcome === undefined ? (one.sampled === false ? 0 : null) : one.sampled === false ? 2 : 1,
  ]);
}

describe('packed requests', () => {
  it('unpack to what was packed, in order', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 20 }), (requests) => {
        assert.deepEqual(unpackRequests(packed(requests)), requests);
      }),
    );
  });

  it('leave out a last request that is cut off', () => {
    assert.equal(unpackRequests(packed(fc.sample(request, 2)).slice(0, -1)).length, 1);
  });
});
