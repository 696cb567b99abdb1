import { NervecenterError } from '../../core/errors.ts';
import type { Health, Snapshot } from '../../core/snapshot.ts';
import type { Milliseconds } from '../../core/units.ts';
import type { IdentifyUser } from '../context/identity.ts';
import type { RagQuery, RagQueryAttributes } from '../rag/rag.ts';
import type { Recorder } from './recorder.ts';

/** What the package's functions need of the agent that `nervecenter/otel` started, if it did. */
export interface AgentHandle {
  readonly recorder: Recorder;
  ragQuery<T>(attributes: RagQueryAttributes, fn: (query: RagQuery) => T): T;
  identifyUser(identify: IdentifyUser): void;
  wsConnect(): void;
  wsDisconnect(): void;
  snapshot(): Promise<Snapshot>;
  health(): Promise<Health>;
  /** How often a stream sends a snapshot. */
  readonly streamIntervalMs: Milliseconds;
  /** Says a thing once per `key`, on stderr. */
  warnOnce(key: string, message: string): void;
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

/** For whatever needs the agent, when there is none. */
export function notLoaded(): NervecenterError {
  return new NervecenterError(
    'NC_UNAVAILABLE',
    'The nervecenter agent is not loaded. Start the app with `node --require nervecenter/otel`.',
  );
}
