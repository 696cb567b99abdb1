import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { CumulativeBuckets, Exemplars } from '../../../src/collector/live/cumulative.ts';
import type { HistogramSeries } from '../../../src/collector/metric-family.ts';
import { exposition } from '../../../src/collector/prometheus/exposition.ts';
import { targetInfo } from '../../../src/collector/prometheus/target-info.ts';
import { bucketIndex } from '../../../src/core/histogram.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { ClockedLive, histogramOf, pointOf } from '../live/agents.ts';
import { readOpenMetrics, type Sample } from './openmetrics-reader.ts';

const NOW_MS = 1_794_700_800_000;

/** A series of measured values, each with a trace of its own. */
function seriesOf(values: readonly number[], i: number): HistogramSeries {
  const [buckets, exemplars] = [new CumulativeBuckets(), new Exemplars()];
  for (const [at, value] of values.entries()) {
    buckets.add({ offset: bucketIndex(value), counts: [1] });
    exemplars.add({ value, traceId: String(at).padStart(32, '0'), timeMs: NOW_MS + at }, NOW_MS + 1000);
  }
  const sum = values.reduce((all, value) => all + value, 0);
  return {
    attributes: { i },
    count: values.length,
    sum,
    zeroCount: 0,
    buckets,
    exemplars,
    createdMs: NOW_MS,
  };
}

describe('OpenMetrics', () => {
  it('is as its specification wants it', () => {
    const families = readOpenMetrics(
      readFileSync(join(import.meta.dirname, 'exposition.golden', 'openmetrics.txt'), 'utf8').replace(
        // Above all boundaries, as no measured value is.
        / # \{trace_id="0af7651916cd43dd8448eb211c80319c"\} 5 \S+/,
        '',
      ),
    );
    assert.deepEqual(
      families.map(({ type }) => type),
      ['info', 'histogram', 'histogram', 'counter', 'gauge', 'counter', 'gauge'],
    );
  });

  it('is so whatever was measured, with exemplars in their buckets', () => {
    // Values inside of buckets: where an end falls is a matter of rounding.
    const value = fc.integer({ min: -80, max: 160 }).map((index) => 2 ** ((index + 0.4) / 8));
    const values = fc.array(value, { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 60 }), (all) => {
        const family = { name: 'd', unit: 's', description: 'D.', kind: 'histogram' as const };
        const text = [...exposition([{ ...family, series: all.map(seriesOf) }], 'openmetrics')].join('');
        const [histogram] = readOpenMetrics(text);
        const shown = histogram?.samples.filter(({ exemplar }) => exemplar !== null) ?? [];
        assert.ok(shown.length >= all.length);
        for (const { exemplar, labels } of shown) {
          assert.ok(all[Number(labels['i'])]?.includes(exemplar?.value ?? 0));
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('what a scrape shows of the processes that send', () => {
  const scrape = (clocked: ClockedLive): readonly Sample[] => {
    const { live } = clocked;
    const target = targetInfo({ 'service.name': 'own', 'service.instance.id': 'boot' }, live.sources());
    return readOpenMetrics(
      [...exposition([target, ...live.metricFamilies()], 'openmetrics')].join(''),
    ).flatMap(({ samples }) => samples);
  };
  const gauge = pointOf({ name: 'g', unit: '', kind: 'gauge' }, 5);
  const of = (samples: readonly Sample[], instanceId: string) =>
    samples.filter(({ labels }) => labels['service_instance_id'] === instanceId).map(({ name }) => name);

  it('is their resource and their gauges, until they are gone', () => {
    const clocked = new ClockedLive();
    const [leaving, staying] = [clocked.agent('a', { host: '', pid: 0 }), clocked.agent('b', { pid: 7 })];
    for (const agent of [leaving, staying]) {
      agent.send([gauge, histogramOf({ name: 'h', unit: 's' }, [1])]);
    }
    const [own, first, second] = scrape(clocked).filter(({ name }) => name === 'target_info');
    assert.deepEqual(own?.labels, { service_name: 'own', service_instance_id: 'boot' });
    const { instanceId } = leaving.source;
    assert.deepEqual(first?.labels, {
      job: 'a',
      instance: instanceId,
      service_name: 'a',
      service_instance_id: instanceId,
    });
    assert.deepEqual([second?.labels['host_name'], second?.labels['process_pid']], ['h', '7']);
    assert.deepEqual(of(scrape(clocked), instanceId), ['target_info', 'g']);

    leaving.leave();
    const after = scrape(clocked);
    assert.deepEqual(of(after, instanceId), []);
    assert.deepEqual(of(after, staying.source.instanceId), ['target_info', 'g']);
    assert.equal(after.find(({ name }) => name === 'h_seconds_count')?.value, 2);
  });

  it('begins where a series was first measured, and stays there', () => {
    const clocked = new ClockedLive();
    const agent = clocked.agent();
    const counter = pointOf({ name: 'c', unit: '', kind: 'counter' }, 1);
    agent.send([counter]);
    const began = milliseconds(clocked.nowMs);
    clocked.nowMs += 5000;
    agent.send([counter]);
    const created = scrape(clocked).find(({ name }) => name === 'c_created');
    assert.equal(created?.value, began / 1000);
  });
});
