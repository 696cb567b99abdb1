import type { Health, Snapshot } from '../core/snapshot.ts';
import type { RagQuery, RagQueryAttributes } from './rag.ts';
import type { Recorder } from './recorder.ts';

/** What the package's functions need of the agent that `nervecenter/otel` started, if it did. */
export interface AgentHandle {
  readonly recorder: Recorder;
  ragQuery<T>(attributes: RagQueryAttributes, fn: (query: RagQuery) => T): T;
  wsConnect(): void;
  wsDisconnect(): void;
  snapshot(): Promise<Snapshot>;
  health(): Promise<Health>;
}

/**
 * The agent is found through the global object, not through a module: a process can hold several copies of this package
 * (CommonJS and ESM, an app's and a library's), and all of them must reach the one agent.
 */
const HANDLE = Symbol.for('nervecenter.agent.v1');

export function publishHandle(handle: AgentHandle | undefined): void {
  (globalThis as { [HANDLE]?: AgentHandle | undefined })[HANDLE] = handle;
}

export function agentHandle(): AgentHandle | undefined {
  return (globalThis as { [HANDLE]?: AgentHandle })[HANDLE];
}
