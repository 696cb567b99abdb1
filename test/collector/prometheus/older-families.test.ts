import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { LiveStore } from '../../../src/collector/live/store.ts';
import type { MetricFamily } from '../../../src/collector/metric-family.ts';
import { exposition } from '../../../src/collector/prometheus/exposition.ts';
import { withOlderFamilies } from '../../../src/collector/prometheus/older-families.ts';
import type { Point } from '../../../src/core/frame.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { measured } from '../../support/measurements.ts';
import { measuredBefore, modelCalls } from '../../support/model-calls.ts';

const calls = modelCalls();
const OLDER = /^gen_ai_client_(operation_duration|operation_time_to_first_chunk|token_usage)_/;

function familiesOf(points: readonly Point[]): Iterable<MetricFamily> {
  const store = new LiveStore(milliseconds(300_000));
  // Twice: what is shown runs since the start.
  store.merge('', { points }, 0);
  store.merge('', { points }, 1_000_000);
  return store.families();
}

/** The samples of a scrape; those of nothing, which a sum does not miss, are left out. */
function scraped(families: Iterable<MetricFamily>): Map<string, number> {
  const text = [...exposition(families, 'text')].join('');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const samples = lines.map((line): [string, number] => {
    const at = line.lastIndexOf(' ');
    const { name, labels } = /^(?<name>\w+)(?:\{(?<labels>.*)\})?$/.exec(line.slice(0, at))?.groups ?? {};
    return [
      `${name}{${(labels ?? '')
        .split(/,(?=\w+=")/)
        .sort()
        .join()}}`,
      Number(line.slice(at + 1)),
    ];
  });
  return new Map(samples.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const only = (samples: Map<string, number>, wanted: (name: string) => boolean) =>
  new Map([...samples].filter(([name]) => wanted(name)).map(([name, value]) => [name, value.toFixed(6)]));

describe('a scrape with the older names', () => {
  const stable = scraped(familiesOf(measured(calls)));
  const both = scraped(withOlderFamilies(familiesOf(measured(calls))));

  it('has what the version before would have shown by them, to the last bucket', () => {
    const before = scraped(familiesOf(measuredBefore(calls)));
    // Embeddings have no output any more, of which there was none.
    const wanted = (name: string) => OLDER.test(name) && !/embeddings.*token_type="output"/.test(name);
    const expected = only(before, wanted);
    assert.ok(expected.size > 300, `${expected.size} samples`);
    assert.deepEqual(only(both, wanted), expected);
  });

  it('has the names of today as without them', () => {
    const others = (name: string) => !OLDER.test(name);
    assert.deepEqual(only(both, others), only(stable, others));
    assert.ok(
      !both.has('nervecenter_exposition_omitted_series{}') ||
        both.get('nervecenter_exposition_omitted_series{}') === 0,
    );
  });

  it('has every family once', () => {
    const names = [...withOlderFamilies(familiesOf(measured(calls)))].map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  });

  it('has none of them where there were no calls', () => {
    const counter = {
      name: 'c',
      kind: 'counter',
      unit: '',
      description: '',
      attributes: {},
      value: 1,
    } as const;
    assert.deepEqual(
      [...withOlderFamilies(familiesOf([counter]))].map(({ name }) => name),
      ['c'],
    );
  });
});
