// The agent's own parts without an app around them.
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { Aggregator } from '../src/agent/metrics/aggregator.ts';
import { SnapshotReader } from '../src/agent/metrics/snapshot-reader.ts';
import { Pipeline } from '../src/agent/pipeline.ts';
import type { NervecenterEvent } from '../src/core/signals/index.ts';
import type { RecordMeasurement } from '../src/core/signals/signal.ts';

export interface AgentParts {
  readonly pipeline: Pipeline;
  readonly reader: SnapshotReader;
  readonly provider: MeterProvider;
  readonly record: RecordMeasurement;
}

/** Wired as the agent wires them. */
export function agentParts(): AgentParts {
  const aggregator = new Aggregator();
  const reader = new SnapshotReader([aggregator]);
  const provider = new MeterProvider({ readers: [reader] });
  return { pipeline: new Pipeline(aggregator.record), reader, provider, record: aggregator.record };
}

/** Emits as the agent does: a full batch is handed over at once, here to a collector that costs nothing. */
export function emitAll(pipeline: Pipeline, events: readonly NervecenterEvent[]): void {
  for (const event of events) {
    pipeline.emit(event);
    if (pipeline.batchReady) drain(pipeline);
  }
}

export function drain(pipeline: Pipeline): void {
  for (let next = pipeline.nextBatch(true); next !== null; next = pipeline.nextBatch(true)) {
    pipeline.accepted(next.batch);
  }
}
