import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { HistogramPoint, Point } from '../../src/core/frame.ts';
import { LLM_COST } from '../../src/core/llm/call-instruments.ts';
import { fromMeasured, mergePoints, SERVICE, toMeasured } from '../../src/core/measured.ts';
import { REQUEST_DURATION } from '../../src/core/signals/request.ts';

const sender = (service: string, instanceId: string) => ({ service, instanceId });
const requests = (seconds: number, whose?: Point['sender']): HistogramPoint => ({
  ...REQUEST_DURATION,
  kind: 'histogram',
  attributes: { 'http.route': '/x', 'http.request.method': 'GET', 'http.response.status_code': 200 },
  count: 1,
  sum: seconds,
  min: seconds,
  max: seconds,
  zeroCount: 0,
  offset: 0,
  counts: [1],
  ...(whose === undefined ? {} : { sender: whose }),
});
const cost = (value: number, whose: Point['sender']): Point => ({
  ...LLM_COST,
  kind: 'counter',
  attributes: { 'gen_ai.request.model': 'm' },
  value,
  ...(whose === undefined ? {} : { sender: whose }),
});

describe('what a batch measured', () => {
  it('is read back as it was, and whose it was by service', () => {
    const [point, ...more] = fromMeasured(
      JSON.parse(JSON.stringify(toMeasured([requests(2, sender('a', 'i'))]))),
    );
    assert.deepEqual(more, []);
    assert.deepEqual(point?.sender, sender('a', ''));
    assert.deepEqual(point && mergePoints([point]).map(({ attributes }) => attributes), [
      requests(2).attributes,
    ]);
    assert.deepEqual(fromMeasured(toMeasured([requests(2)]))[0]?.sender, undefined);
  });

  it('is the same in memory and read back, also where bounds are not known', () => {
    const unbounded = { ...requests(3), min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
    const measured = toMeasured([requests(2, sender('a', 'i')), unbounded, cost(1, sender('b', 'j'))]);
    const read = fromMeasured(JSON.parse(JSON.stringify(measured)));
    assert.equal(read.length, 3);
    assert.deepEqual(fromMeasured(measured), read);
  });

  it('is one series per service, however many of its processes sent it', () => {
    const points = [
      requests(1, sender('a', 'i')),
      requests(2, sender('a', 'j')),
      requests(4, sender('b', 'k')),
      requests(8),
    ];
    const read = fromMeasured(toMeasured(points)) as HistogramPoint[];
    assert.deepEqual(
      read.map((point) => [point.sender?.service, point.count, point.sum, point.max]),
      [
        ['a', 2, 3, 2],
        ['b', 1, 4, 4],
        [undefined, 1, 8, 8],
      ],
    );
  });

  it('names the service that sent it, whatever the sender’s attributes claim', () => {
    const point = { ...cost(1, sender('a', 'i')), attributes: { [SERVICE]: 'somebody else' } };
    assert.deepEqual(
      fromMeasured(toMeasured([point])).map(({ attributes, sender }) => [attributes, sender?.service]),
      [[{}, 'a']],
    );
  });

  it('adds up by series and sender, and never over the two', () => {
    const [a, b] = [sender('a', ''), sender('b', '')];
    const merged = mergePoints([cost(1, a), cost(2, b), cost(4, a), cost(8, undefined)]);
    assert.deepEqual(
      merged.map((point) => [point.sender?.service, 'value' in point ? point.value : 0]),
      [
        ['a', 5],
        ['b', 2],
        [undefined, 8],
      ],
    );
  });
});
