import type { Attributes } from '../core/frame.ts';
import type { Distribution } from '../core/histogram.ts';
import type { CachePrefix } from '../core/names/cache-names.ts';
import type { SeenRequest } from '../core/records/request-record.ts';
import type { NervecenterEvent } from '../core/signals/index.ts';
import type { GivenUpReason } from '../core/unfinished-observations.ts';
import type { Milliseconds } from '../core/units.ts';
import type { WorkContext } from './context/context.ts';
import type { Identity } from './context/identity.ts';

/** Time as a parameter: tests bring their own. */
export interface Clock {
  /** Milliseconds of a clock that only goes forward; for durations. */
  monotonicMs(): Milliseconds;
  /** Milliseconds since the Unix epoch; for timestamps. */
  epochMs(): Milliseconds;
}

/** What the operator decided about what instrumentations do. */
export interface AgentSettings {
  /** Record providers' messages for failed calls. */
  readonly errorMessages: boolean;
  /** Ask for the usage of streams. */
  readonly includeUsage: boolean;
  /** Which keys belong to which cache. @default `rag:` is `rag`, `emb:` is `embedding` */
  readonly caches: readonly CachePrefix[];
}

/** What an instrumentation may use of the agent. None of it throws and none of it blocks. */
export interface Agent {
  readonly clock: Clock;
  readonly settings: AgentSettings;
  /** Measures the event and queues it for its row. */
  emit(event: NervecenterEvent): void;
  /** The same for a request, of which there may be thousands a second. */
  emitRequest(request: SeenRequest): void;
  /**
   * Does what no one waits for together with the like of it: within some 25 ms, and at the
   * end.
   */
  later(work: () => void): void;
  /**
   * Does `work` once, as the process ends, before anything is stopped: what is under way then comes to no other end.
   *
   * @returns takes it back.
   */
  beforeEnd(work: () => void): () => void;
  /** Who requests are for, where the operator or the app has said how to tell. */
  readonly identity: Identity;
  /**
   * Counts one look-up of a cache; far cheaper than an event.
   *
   * @param work what the look-up was part of, `null` for nothing. @default what the calling code is part of
   */
  cacheLookup(cacheName: string, hit: boolean, work?: WorkContext | null): void;
  /** What a cache tells of its size. */
  cacheSize(cacheName: string, keys: number | null, bytes: number | null): void;
  /** Counts a value that became `other` because the attribute of that name already has as many as it may. */
  labelFolded(attribute: string): void;
  /** Counts what is not followed any further. @default `count` 1 */
  gaveUp(reason: GivenUpReason, count?: number): void;
  /** Adds the times between the chunks of a stream, gathered before its event was one. */
  chunkGaps(gaps: Distribution, attributes: Attributes): void;
  readonly websockets: WebSocketCounts;
  /**
   * Something of the app's could not be observed, which the app never hears of: says so once per `key`. Who fails again and
   * again is turned off.
   */
  failed(key: string, what: string, error: unknown): void;
  /** Says a thing once per `key`, on stderr. */
  warnOnce(key: string, message: string): void;
}

/** Live counts of WebSocket traffic; plain integers on the hot path, measured once per frame. */
export interface WebSocketCounts {
  opened(): void;
  closed(): void;
  message(direction: 'in' | 'out', bytes: number): void;
}

/** One instrumented library: starts observing and returns how to stop. */
export interface Instrumentation {
  /** As shown in the start message: `http`, `express`, `ws`. */
  readonly name: string;
  start(agent: Agent): () => void;
}

const roots = new WeakMap<Agent, Agent>();

/** An agent with some of its ways changed, for one instrumentation; what there is one of for an agent it shares. */
export function variantOf(agent: Agent, changes: Partial<Agent>): Agent {
  const variant = { ...agent, ...changes };
  roots.set(variant, rootOf(agent));
  return variant;
}

/** The agent that a variant is of, or the agent itself. */
export function rootOf(agent: Agent): Agent {
  return roots.get(agent) ?? agent;
}
