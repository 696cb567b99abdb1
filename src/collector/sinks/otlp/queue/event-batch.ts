import { NO_VIA, type Via } from '../../../../core/passage.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { type Batch, contentOf, payloadAround } from '../../postgres/spool/batch.ts';
import type { ForwardedSignal } from '../proto/schema.ts';

/** Events that wait. */
interface HeldEvents {
  readonly kind: 'events';
  readonly via: Via;
  readonly events: readonly NervecenterEvent[];
}

/** A request that was received, or a piece of one, in protobuf. */
export interface HeldRequest {
  readonly kind: 'request';
  readonly via: Via;
  readonly signal: ForwardedSignal;
  readonly body: Buffer;
}

const NOTHING: HeldEvents = { kind: 'events', via: NO_VIA, events: [] };
/** What a request begins with; events are JSON, which no byte like this begins. */
const REQUEST_MARK = 1;
const LENGTH_AT = 1;
const HEADER_AT = 5;

/** Events as a batch's payload. */
export function payloadOf(events: readonly NervecenterEvent[], via: Via): Buffer {
  return payloadAround(Buffer.from(JSON.stringify(via.length === 0 ? events : { via, events })));
}

/** A request as a batch's payload. */
export function requestPayload({ signal, via, body }: Omit<HeldRequest, 'kind'>): Buffer {
  const header = Buffer.from(JSON.stringify({ signal, via }));
  const start = Buffer.alloc(HEADER_AT);
  start.writeUInt8(REQUEST_MARK);
  start.writeUInt32BE(header.length, LENGTH_AT);
  return payloadAround(Buffer.concat([start, header, body]));
}

/** What a batch holds; nothing where it is no batch of this version, which only damage can bring about. */
export function heldIn({ payload }: Pick<Batch, 'payload'>): HeldEvents | HeldRequest {
  try {
    const content = contentOf(payload);
    return content[0] === REQUEST_MARK ? requestIn(content) : eventsIn(content);
  } catch {
    return NOTHING;
  }
}

function requestIn(content: Buffer): HeldRequest {
  const end = HEADER_AT + content.readUInt32BE(LENGTH_AT);
  const { signal, via } = JSON.parse(content.toString('utf8', HEADER_AT, end)) as HeldRequest;
  return { kind: 'request', signal, via, body: content.subarray(end) };
}

function eventsIn(content: Buffer): HeldEvents {
  const held = JSON.parse(content.toString()) as Omit<HeldEvents, 'kind'> | readonly NervecenterEvent[];
  return 'events' in held ? { ...held, kind: 'events' } : { ...NOTHING, events: held };
}
