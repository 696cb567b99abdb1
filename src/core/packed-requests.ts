import { type RequestEvent, UNFINISHED } from './signals/request.ts';
import { milliseconds } from './units.ts';

/** Request events as one flat list of their fields, as agents send them that know no records. */
export type PackedRequests = readonly (string | number | null)[];

/** How many values one request takes. */
export const REQUEST_FIELDS = 14;
/** Flags among texts and numbers. */
const UNSAMPLED = 0;
const UNFINISHED_ONLY = 1;
const UNFINISHED_UNSAMPLED = 2;

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
