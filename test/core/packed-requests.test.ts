import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { packRequests, unpackRequests } from '../../src/core/packed-requests.ts';
import type { NervecenterEvent } from '../../src/core/signals/index.ts';
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
const other: NervecenterEvent = {
  signal: 'cache',
  id: 'c',
  timeMs: milliseconds(0),
  cacheName: 'rag',
  hits: 1,
  misses: 0,
  keysCount: null,
  memoryUsedBytes: null,
};

describe('packed requests', () => {
  it('unpack to what was packed, in order; other events stay as they are', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 20 }), (requests) => {
        const mixed = requests.flatMap((one): NervecenterEvent[] => [one, other]);
        const { requests: packed, events } = packRequests(mixed);
        assert.deepEqual(unpackRequests(packed), requests);
        assert.deepEqual(events, new Array(requests.length).fill(other));
      }),
    );
  });

  it('leave out a last request that is cut off', () => {
    const { requests: packed } = packRequests(fc.sample(request, 2));
    assert.equal(unpackRequests(packed.slice(0, -1)).length, 1);
  });
});
