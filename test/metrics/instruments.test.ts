import assert from 'node:assert/strict';
import type { Meter } from '@opentelemetry/api';
import { describe, it } from 'vitest';
import { refusals } from '../../src/agent/api/input-refusals.ts';
import { CacheTally } from '../../src/agent/caches/tally.ts';
import { observationsMeasure } from '../../src/agent/metrics/observations.ts';
import { RuntimeSampler } from '../../src/agent/metrics/runtime.ts';
import { talliesMeasure } from '../../src/agent/metrics/tallies.ts';
import { WebSocketTally } from '../../src/agent/websocket/tally.ts';
import { observeExport } from '../../src/collector/exporting.ts';
import { hostMeasure } from '../../src/collector/host/measure.ts';
import { exposition } from '../../src/collector/prometheus/exposition.ts';
import { OtlpAcceptance } from '../../src/collector/receivers/otlp/acceptance.ts';
import { OtlpStatistics } from '../../src/collector/receivers/otlp/listen/statistics.ts';
import { SentBatches } from '../../src/collector/receivers/sent-batches.ts';
import { emptyStatistics, observeStatistics } from '../../src/collector/server/statistics.ts';
import { HistogramDelta } from '../../src/core/histogram.ts';
import { FOLDED_LABELS } from '../../src/core/llm/labels.ts';
import { eventMeasure } from '../../src/core/signals/index.ts';
import { DeltaMeterProvider } from '../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../src/metrics/snapshot-reader.ts';
import { IDLE_AGENT } from '../support/idle-agent.ts';
import { tablesOf } from '../tidy/markdown.ts';

/** What an agent makes on its provider as it starts. */
function agentProvider(): DeltaMeterProvider {
  const provider = new DeltaMeterProvider();
  const meter = provider.getMeter();
  talliesMeasure(meter, {
    caches: new CacheTally(),
    websockets: new WebSocketTally(),
    runtime: new RuntimeSampler(),
  });
  observationsMeasure(meter);
  refusals(IDLE_AGENT, meter);
  return provider;
}

/** What a collector makes: of the host, of its server, of OTLP in and out, and of all events that it accepts. */
function collectorProvider(): DeltaMeterProvider {
  const provider = new DeltaMeterProvider();
  const meter = provider.getMeter();
  hostMeasure(meter);
  observeStatistics(meter, emptyStatistics(), () => 0);
  eventMeasure(meter);
  new OtlpStatistics(meter);
  void receiver(meter).shutdown();
  observeExport(meter, () => []);
  return provider;
}

function receiver(meter: Meter): OtlpAcceptance {
  const sink = {
    crowded: false,
    sentBatches: new SentBatches(),
    join: () => true,
    addLasting: () => {},
    merge: () => [],
    toldByAgent: () => false,
    spansToldByAgent: () => false,
    offered: async () => {},
    offer: async () => {},
    forward: null,
  };
  return new OtlpAcceptance({ sink, meter, userHeaders: null, keepsSpans: true });
}

/** The figures of a scrape itself are made by the scrape. */
function madeByScrape(): string[] {
  return [...exposition([], 'text')].join('').match(/(?<=# TYPE )\S+/g) ?? [];
}

describe('the instruments of agent and collector', () => {
  const made = [agentProvider(), collectorProvider()]
    .flatMap(({ instruments }) => instruments)
    .map(({ name, kind, unit }) => `${name} ${kind} ${unit}`);

  it('are there at the start: every metric of the documentation, made by a meter of OpenTelemetry’s API', () => {
    const byScrape = madeByScrape();
    const documented = tablesOf('docs/metrics.md')
      .flat()
      .filter((row) => 'metric' in row && !byScrape.includes(row['at /metrics'] ?? ''))
      .map(({ metric, kind, unit }) => `${metric} ${kind} ${unit}`);
    assert.ok(documented.length > 40, `${documented.length} metrics`);
    assert.deepEqual([...new Set(made)].toSorted(), documented.toSorted());
  });

  it('are each made in one place, but for the labels that both halves bound', () => {
    const { name, kind, unit } = FOLDED_LABELS;
    assert.deepEqual(
      made.filter((one, at) => made.indexOf(one) !== at),
      [`${name} ${kind} ${unit}`],
    );
  });
});

it('the times between chunks go into the histogram of their name', () => {
  const provider = new DeltaMeterProvider();
  const gaps = new HistogramDelta();
  gaps.record(0.05);
  observationsMeasure(provider.getMeter()).chunkGaps(gaps.take(), { model: 'm' });
  const [point, ...others] = new SnapshotReader([provider]).collectNow();
  assert.deepEqual(
    [point?.name, point?.kind, point?.attributes, others],
    ['gen_ai.client.inference.time_per_output_chunk', 'histogram', { model: 'm' }, []],
  );
});
