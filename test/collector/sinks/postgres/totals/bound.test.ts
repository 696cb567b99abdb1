import assert from 'node:assert/strict';
import { it } from 'vitest';
import { boundSeries } from '../../../../../src/collector/sinks/postgres/totals/bound.ts';
import type { Point } from '../../../../../src/core/frame.ts';
import { LLM_COST } from '../../../../../src/core/llm/call-instruments.ts';
import { fromMeasured, seriesOf } from '../../../../../src/core/measured.ts';

const MODEL = 'gen_ai.request.model';
const costs = (service: string, count: number, value: (i: number) => number): Point[] =>
  fromMeasured(
    Array.from({ length: count }, (_, i) => [
      LLM_COST.name,
      { [MODEL]: `m${i}`, 'service.name': service },
      value(i),
    ]),
  );
const sumOf = (points: readonly Point[], service: string) =>
  points.reduce(
    (sum, point) => sum + (point.sender?.service === service && 'value' in point ? point.value : 0),
    0,
  );

it('bounds the series by what all services have of them, and keeps what each service has', () => {
  // The first ones are small in one service and large in the other, so that neither alone would say which to keep.
  const points = [...costs('a', 1500, (i) => i), ...costs('b', 1500, (i) => 2 * (1500 - i))];
  const bounded = boundSeries(points);
  assert.equal(new Set(bounded.map(seriesOf)).size, 1001);
  for (const service of ['a', 'b']) assert.equal(sumOf(bounded, service), sumOf(points, service));
  const kept = new Set(bounded.map(({ attributes }) => attributes[MODEL]));
  assert.ok(kept.has('m0') && kept.has('m999') && !kept.has('m1000') && kept.has('<other>'));
  assert.ok(bounded.length <= 2 * 1001);
});

it('leaves alone what is within the bound, also where services make it many rows', () => {
  const points = ['a', 'b', 'c'].flatMap((service) => costs(service, 1000, () => 1));
  assert.deepEqual(boundSeries(points), points);
});
