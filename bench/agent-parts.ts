// The agent's own parts without an app around them.
import { type FrameSource, ownInstruments } from '../src/agent/metrics/frame-source.ts';
import { Pipeline } from '../src/agent/pipeline.ts';
import { eventMeasure, type NervecenterEvent } from '../src/core/signals/index.ts';
import { DeltaMeterProvider } from '../src/metrics/meter-provider.ts';

export interface AgentParts {
  readonly pipeline: Pipeline;
  readonly frames: FrameSource;
  /** Of the app's instruments. */
  readonly provider: DeltaMeterProvider;
  /** Of our own instruments. */
  readonly own: DeltaMeterProvider;
}

/** Wired as the agent wires them. */
export function agentParts(): AgentParts {
  const own = new DeltaMeterProvider();
  const provider = new DeltaMeterProvider();
  const frames = ownInstruments([own, provider]);
  return { pipeline: new Pipeline(eventMeasure(own.getMeter())), frames, provider, own };
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
