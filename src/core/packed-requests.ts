import type { NervecenterEvent } from './signals/index.ts';
import { type RequestEvent, UNFINISHED } from './signals/request.ts';
import { milliseconds } from './units.ts';

/**
 * Request events as one flat list of their fields. There can be thousands of them a second, and handing over an object
 * costs the app's thread three times as much as its values alone, because every object carries the names of its fields.
 */
export type PackedRequests = readonly (string | number | null)[];

/** How many values one request takes. */
export const REQUEST_FIELDS = 14;
/** Flags among texts and numbers, which collectors of before read as none. */
const UNSAMPLED = 0;
const UNFINISHED_ONLY = 1;
const UNFINISHED_UNSAMPLED = 2;

/** Packs the requests among `events`; the others stay as they are. */
export function packRequests(events: readonly NervecenterEvent[]): {
  readonly requests: PackedRequests;
  readonly events: readonly NervecenterEvent[];
} {
  const requests: (string | number | null)[] = [];
  const others: NervecenterEvent[] = [];
  for (const event of events) {
    if (event.signal === 'request') pack(event, requests);
    else others.push(event);
  }
  return { requests, events: others };
}

function pack(event: RequestEvent, into: (string | number | null)[]): void {
  into.push(
    event.id,
    event.timeMs,
    event.traceId,
    event.userEmail,
    event.department,
    event.route,
    event.method,
    event.statusCode,
    event.durationMs,
    event.requestBytes,
    event.responseBytes,
    event.parentSpanId ?? null,
    event.scheme ?? null,
    flagsOf(event),
  );
}

function flagsOf({ sampled, outcome }: RequestEvent): number | null {
  if (outcome === undefined) return sampled === false ? UNSAMPLED : null;
  return sampled === false ? UNFINISHED_UNSAMPLED : UNFINISHED_ONLY;
}

/** The requests of a packed list, in order. The values are taken as they come: who receives them judges them. */
export function unpackRequests(packed: PackedRequests): RequestEvent[] {
  const events: RequestEvent[] = [];
  for (let at = 0; at + REQUEST_FIELDS <= packed.length; at += REQUEST_FIELDS)
    events.push(unpack(packed, at));
  return events;
}

function unpack(packed: PackedRequests, at: number): RequestEvent {
  const field = <T>(index: number) => packed[at + index] as T;
  const flags = packed[at + 13];
  return {
    signal: 'request',
    id: field(0),
    timeMs: milliseconds(field(1)),
    traceId: field(2),
    userEmail: field(3),
    department: field(4),
    route: field(5),
    method: field(6),
    statusCode: field(7),
    durationMs: milliseconds(field(8)),
    requestBytes: field(9),
    responseBytes: field(10),
    ...(packed[at + 11] === null ? {} : { parentSpanId: field(11) }),
    ...(packed[at + 12] === null ? {} : { scheme: field(12) }),
    ...(flags === UNSAMPLED || flags === UNFINISHED_UNSAMPLED ? { sampled: false } : {}),
    ...(flags === UNFINISHED_ONLY || flags === UNFINISHED_UNSAMPLED ? { outcome: UNFINISHED } : {}),
  };
}
