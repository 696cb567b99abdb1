import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { type Batch, contentOf, payloadAround } from '../../postgres/spool/batch.ts';

/** A request in protobuf that is ready to be sent. Those of one signal that are put one behind the other are one request. */
export interface ReadyRequest {
  readonly signal: 'traces' | 'logs';
  /** Spans or log records in it. */
  readonly items: number;
  readonly bytes: Buffer;
}

/** What a batch holds for its target: events where they become JSON, which cannot be put together, else what they become. */
export type BatchContent =
  | { readonly kind: 'events'; readonly events: readonly NervecenterEvent[] }
  | { readonly kind: 'requests'; readonly requests: readonly ReadyRequest[] };

/** What content begins with that is no JSON. */
const REQUESTS = 1;
const SIGNALS = ['traces', 'logs'] as const;
/** Signal, items and length, in front of the bytes. */
const HEAD_BYTES = 9;

const NOTHING: BatchContent = { kind: 'events', events: [] };

/** Events as a batch's payload. */
export function payloadOfEvents(events: readonly NervecenterEvent[]): Buffer {
  return payloadAround(Buffer.from(JSON.stringify(events)));
}

/** What events have become as a batch's payload. */
export function payloadOfRequests(requests: readonly ReadyRequest[]): Buffer {
  const parts = requests.flatMap(({ signal, items, bytes }) => {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt8(SIGNALS.indexOf(signal));
    head.writeUInt32BE(items, 1);
    head.writeUInt32BE(bytes.length, 5);
    return [head, bytes];
  });
  return payloadAround(Buffer.concat([Buffer.from([REQUESTS]), ...parts]));
}

/** Nothing where it is no batch of this version, which only damage can bring about. */
export function contentIn({ payload }: Pick<Batch, 'payload'>): BatchContent {
  try {
    const content = contentOf(payload);
    if (content[0] === REQUESTS) return { kind: 'requests', requests: requestsIn(content) };
    const events: unknown = JSON.parse(content.toString());
    return Array.isArray(events) ? { kind: 'events', events: events as NervecenterEvent[] } : NOTHING;
  } catch {
    return NOTHING;
  }
}

function requestsIn(content: Buffer): ReadyRequest[] {
  const requests: ReadyRequest[] = [];
  for (let at = 1; at < content.length; ) {
    const start = at + HEAD_BYTES;
    const end = start + content.readUInt32BE(at + 5);
    const signal = SIGNALS[content.readUInt8(at)];
    if (signal === undefined || end > content.length) throw new RangeError('no request');
    requests.push({ signal, items: content.readUInt32BE(at + 1), bytes: content.subarray(start, end) });
    at = end;
  }
  return requests;
}
