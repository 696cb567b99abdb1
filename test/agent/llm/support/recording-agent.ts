import type { Agent, AgentSettings } from '../../../../src/agent/instrumentation.ts';
import { llm } from '../../../../src/agent/llm/observer.ts';
import type { Attributes } from '../../../../src/core/frame.ts';
import type { Distribution } from '../../../../src/core/histogram.ts';
import type { NervecenterEvent } from '../../../../src/core/signals/index.ts';
import type { LlmCallEvent } from '../../../../src/core/signals/llm-call.ts';
import { milliseconds } from '../../../../src/core/units.ts';
import { IDLE_AGENT, SETTINGS_OFF } from '../../../support/idle-agent.ts';
import { until } from '../../../support/poll.ts';

/** The times between a stream's chunks, as the agent was given them. */
export interface ChunkGaps {
  readonly values: Distribution;
  readonly attributes: Attributes;
}

/** The instrumentation under test with an agent that keeps what it is given. */
export interface RecordingAgent {
  readonly events: LlmCallEvent[];
  readonly warnings: Map<string, string>;
  readonly folded: string[];
  readonly givenUp: string[];
  readonly chunkGaps: ChunkGaps[];
  /** Added to the monotonic clock: time passes without waiting. */
  skipMs: number;
  /** The events once there are `count`, which are then taken away. */
  take(count: number): Promise<LlmCallEvent[]>;
  stop(): void;
}

export function startRecording(settings: Partial<AgentSettings> = {}): RecordingAgent {
  const events: LlmCallEvent[] = [];
  const warnings = new Map<string, string>();
  const folded: string[] = [];
  const givenUp: string[] = [];
  const chunkGaps: ChunkGaps[] = [];
  const recording: RecordingAgent = {
    events,
    warnings,
    folded,
    givenUp,
    chunkGaps,
    skipMs: 0,
    async take(count) {
      await until(() => events.length >= count);
      return events.splice(0);
    },
    stop: () => stop(),
  };
  const agent: Agent = {
    ...IDLE_AGENT,
    settings: { ...SETTINGS_OFF, ...settings },
    clock: {
      monotonicMs: () => milliseconds(performance.now() + recording.skipMs),
      epochMs: () => milliseconds(Date.now()),
    },
    emit(event: NervecenterEvent) {
      if (event.signal === 'llm-call') events.push(event);
    },
    labelFolded: (attribute) => folded.push(attribute),
    chunkGaps: (values, attributes) => chunkGaps.push({ values, attributes }),
    gaveUp: (reason) => givenUp.push(reason),
    failed: (key, what, error) => warnings.set(key, `${what}: ${String(error)}`),
    warnOnce: (key, message) => warnings.set(key, message),
  };
  const stop = llm.start(agent);
  return recording;
}
