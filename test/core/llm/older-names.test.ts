import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { Attributes, Point } from '../../../src/core/frame.ts';
import { currentPoints, olderPoints } from '../../../src/core/llm/older-names.ts';
import { fromMeasured, mergePoints, toMeasured } from '../../../src/core/measured.ts';
import { measured } from '../../support/measurements.ts';
import { measuredBefore, modelCalls } from '../../support/model-calls.ts';

const calls = modelCalls();
const now = measured(calls);
const before = measuredBefore(calls);

/** Figures by series, those of nothing left out; without some attributes their series add up. */
function figuresOf(points: readonly Point[], ...without: string[]): Record<string, unknown> {
  const told = ([name]: [string, unknown]) => !without.includes(name);
  const plain = points.map((point) => {
    const attributes: Attributes = Object.fromEntries(Object.entries(point.attributes).filter(told).sort());
    return { ...point, attributes };
  });
  const figures = mergePoints(plain).flatMap((point): [string, unknown][] => {
    const key = `${point.name} ${JSON.stringify(point.attributes)}`;
    if (point.kind !== 'histogram') return point.value === 0 ? [] : [[key, point.value.toFixed(9)]];
    const { count, sum, min, max, zeroCount, offset, counts } = point;
    return sum === 0 ? [] : [[key, [count, sum.toFixed(9), min, max, zeroCount, offset, counts]]];
  });
  return Object.fromEntries(figures.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const isOlder = ({ name }: Point) =>
  /^gen_ai\.client\.(operation\.(duration|time_to_first_chunk)|token\.usage)$/.test(name);

describe('what the version before measured of model calls', () => {
  it('is, by the names of today, what is measured today but for what it did not know', () => {
    const unknown = ({ name }: Point) => name.endsWith('cache_write.input_tokens');
    const ofToday = now.filter((point) => !unknown(point));
    // It knew no modality, and of tokens not whether their call had failed.
    const perCall = ({ name }: Point) => name.includes('.operation.') && name.endsWith('_tokens');
    const current = before.flatMap(currentPoints);
    assert.deepEqual(figuresOf(current.filter(perCall)), figuresOf(ofToday.filter(perCall), 'error.type'));
    const others = (points: readonly Point[]) => points.filter((point) => !perCall(point));
    assert.deepEqual(
      figuresOf(others(current), 'gen_ai.token.modality'),
      figuresOf(others(ofToday), 'gen_ai.token.modality'),
    );
    assert.ok(
      current.every(
        ({ name, attributes }) => !name.includes('.usage.') || 'gen_ai.token.modality' in attributes,
      ),
    );
  });

  it('is read by these names from the header of a batch that bears the others', () => {
    const header = before.map((point) =>
      point.kind === 'histogram'
        ? [
            point.name,
            point.attributes,
            point.count,
            point.sum,
            point.min,
            point.max,
            point.zeroCount,
            point.offset,
            point.counts,
          ]
        : [point.name, point.attributes, point.value],
    );
    const read = fromMeasured(JSON.parse(JSON.stringify(header)));
    assert.deepEqual(figuresOf(read), figuresOf(before.flatMap(currentPoints)));
    assert.deepEqual(fromMeasured(toMeasured(read)), read, 'and what it is written as stays so');
  });

  it('is what today’s measurements are by the older names', () => {
    assert.deepEqual(figuresOf(mergePoints(now.flatMap(olderPoints))), figuresOf(before.filter(isOlder)));
  });
});

describe('points of today', () => {
  it('stay as they are', () => {
    assert.deepEqual(now.flatMap(currentPoints), now);
  });

  it('bear none of the older names but that of other calls', () => {
    const older = now.filter(isOlder);
    assert.deepEqual(
      new Set(older.map(({ name, attributes }) => `${name} ${attributes['gen_ai.operation.name']}`)),
      new Set(['gen_ai.client.operation.duration rerank', 'gen_ai.client.operation.duration speech']),
    );
  });
});
