import { Identity } from '../../src/agent/context/identity.ts';
import type { Agent, AgentSettings } from '../../src/agent/instrumentation.ts';
import { DEFAULT_CACHES } from '../../src/core/names/cache-names.ts';
import { milliseconds } from '../../src/core/units.ts';

/** Everything off, and the caches that an operator gets who says nothing. */
export const SETTINGS_OFF: AgentSettings = {
  errorMessages: false,
  includeUsage: false,
  caches: DEFAULT_CACHES,
};

const nothing = () => {};

/** An agent that keeps nothing: for tests that look at one or two things that it is told. */
export const IDLE_AGENT: Agent = {
  clock: { monotonicMs: () => milliseconds(performance.now()), epochMs: () => milliseconds(Date.now()) },
  settings: SETTINGS_OFF,
  identity: new Identity(null, nothing),
  emit: nothing,
  emitRequest: nothing,
  later: (work) => work(),
  beforeEnd: () => nothing,
  cacheLookup: nothing,
  cacheSize: nothing,
  labelFolded: nothing,
  gaveUp: nothing,
  chunkGaps: nothing,
  websockets: { opened: nothing, closed: nothing, message: nothing },
  failed: nothing,
  warnOnce: nothing,
};
