// Stands in for the agent's preload: what it sees lies where the app of app-trace.test.ts finds it.
import { publishHandle } from '../../../../src/agent/api/handle.ts';
import { Recorder } from '../../../../src/agent/api/recorder.ts';
import { http } from '../../../../src/agent/http/server.ts';
import { llm } from '../../../../src/agent/llm/observer.ts';
import { runRagQuery } from '../../../../src/agent/rag/rag.ts';
import { RouteBound } from '../../../../src/core/http/served.ts';
import { StageNames } from '../../../../src/core/rag/stage-names.ts';
import { RecordingAgent } from '../../../support/recording-agent.ts';
import { eventsOf } from './app.ts';

const agent = new RecordingAgent();
const dependencies = { agent, stageNames: new StageNames(), onInvalid: () => {} };
const recorder = new Recorder({ ...dependencies, routes: new RouteBound(), onRefused: () => {} });
for (const instrumentation of [http, llm]) instrumentation.start(agent);
publishHandle({
  recorder,
  ragQuery: (attributes, fn) => runRagQuery(dependencies, attributes, fn),
} as Parameters<typeof publishHandle>[0]);
eventsOf(globalThis).events = agent.events;
