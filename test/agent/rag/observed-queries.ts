import { llm } from '../../../src/agent/llm/observer.ts';
import type { RagDependencies } from '../../../src/agent/rag/active-query.ts';
import { type RagQuery, type RagQueryAttributes, runRagQuery } from '../../../src/agent/rag/rag.ts';
import { vectorStores } from '../../../src/agent/vector-stores/observer.ts';
import { StageNames } from '../../../src/core/rag/stage-names.ts';
import type { RagQueryEvent } from '../../../src/core/signals/rag-query.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

/** RAG queries with everything that fills their stages. */
export interface ObservedQueries {
  readonly agent: RecordingAgent;
  readonly dependencies: RagDependencies;
  /** Runs one query; gives its event. */
  query(fn: (query: RagQuery) => unknown, attributes?: RagQueryAttributes): Promise<RagQueryEvent>;
  /** The events of queries so far, which are then taken away. */
  take(count: number): Promise<RagQueryEvent[]>;
  stop(): void;
}

export function observeQueries(): ObservedQueries {
  const agent = new RecordingAgent();
  const dependencies = { agent, stageNames: new StageNames(), onInvalid: () => {} };
  const undos = [llm.start(agent), vectorStores.start(agent)];
  const queries = () => agent.events.filter((event) => event.signal === 'rag-query');
  const observed: ObservedQueries = {
    agent,
    dependencies,
    async query(fn, attributes = {}) {
      await runRagQuery(dependencies, attributes, async (query) => await fn(query));
      const [event] = await observed.take(1);
      return event as RagQueryEvent;
    },
    async take(count) {
      await until(() => queries().length >= count);
      const taken = queries();
      agent.events.splice(0);
      return taken;
    },
    stop() {
      for (const undo of undos) undo();
    },
  };
  return observed;
}

/** What a query found, and which stages it had. */
export function summary({ stages, chunksRetrieved, topScore, avgScore }: RagQueryEvent) {
  return { stages: Object.keys(stages), chunks: chunksRetrieved, top: topScore, average: avgScore };
}
