import type { Milliseconds } from './units.ts';

const TRACE_ID = /^(?!0{32})[\da-f]{32}$/;

/** The process an event comes from. */
export interface Sender {
  /** UUID per process. */
  readonly instanceId: string;
  readonly service: string;
}

/** The service of a process that nobody has named, as the SDKs call it. */
export const UNNAMED_SERVICE = 'unknown_service';

/**
 * One business fact, made once: what all of them share. Each kind is in its signal's file (`signals/`). From an event follow
 * its measurements and its row, so the live view and history can never disagree.
 */
export interface EventBase {
  readonly signal: string;
  /** UUIDv7, made where the event is made: the row's primary key, so that a row sent twice is stored once. */
  readonly id: string;
  /** When the fact was complete, in milliseconds since the Unix epoch. */
  readonly timeMs: Milliseconds;
  /** Set by the collector, which knows it by the link, so that no event carries it there; absent for the collector's own. */
  readonly sender?: Sender;
  /**
   * Set where this takes back what was told by the same id and turned out otherwise: its row goes, and what it had added is
   * taken off. When that was told, in milliseconds since the Unix epoch. Nobody but the collector takes anything back.
   */
  readonly retractsMs?: Milliseconds;
}

/** Whom and what the work was for. Goes into rows only, never into a metric's attributes. */
export interface Attribution {
  /** 32 lower-case hex digits, shared by every event of one request. */
  readonly traceId: string | null;
  readonly userEmail: string | null;
  readonly department: string | null;
  /**
   * The span that this happened in: that of an event (`spanIdOf`), one of the app's own, or the caller's; 16 lower-case hex
   * digits. In no row.
   */
  readonly parentSpanId?: string | null;
  /** Whether its trace is recorded: `false` is no span for anybody. In no row. @default true */
  readonly sampled?: boolean;
}

/** The trace an event is in: its own, made of its id, where it is in no other. */
export function traceIdOf({ id, traceId }: EventBase & Attribution): string {
  return traceId !== null && TRACE_ID.test(traceId) ? traceId : id.replaceAll('-', '');
}

/** The span id of an event: the second half of its UUIDv7, which is random. What happens in it is told by this id meanwhile. */
export function spanIdOf(eventId: string): string {
  return eventId.slice(19, 23) + eventId.slice(24);
}
