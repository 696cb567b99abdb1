import { NO_VIA, type Via } from '../../../../core/passage.ts';
import { type Batch, contentOf, payloadAround } from '../../postgres/spool/batch.ts';
import type { ForwardedSignal } from '../proto/schema.ts';

/** A request in protobuf, or a piece of one: those of one signal that stand one behind the other are one request. */
export interface HeldRequest {
  readonly signal: ForwardedSignal;
  /** Spans or log records in it. */
  readonly items: number;
  readonly body: Buffer;
}

/** What a batch holds: what its events have become, or what was received. */
export interface Held {
  /** What it has passed through. */
  readonly via: Via;
  readonly requests: readonly HeldRequest[];
}

interface Header {
  readonly via: Via;
  readonly requests: readonly (readonly [signal: ForwardedSignal, items: number, bytes: number])[];
}

const NOTHING: Held = { via: NO_VIA, requests: [] };
/** Of the header's length, in front of it. */
const LENGTH_BYTES = 4;

/** Requests as a batch's payload: a header of JSON that tells of them, then their bodies. */
export function payloadOf({ via, requests }: Held): Buffer {
  const told: Header = {
    via,
    requests: requests.map(({ signal, items, body }) => [signal, items, body.length] as const),
  };
  const header = Buffer.from(JSON.stringify(told));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(header.length);
  return payloadAround(Buffer.concat([length, header, ...requests.map(({ body }) => body)]));
}

/** Nothing where it is no batch of this version, which only damage can bring about. */
export function heldIn({ payload }: Pick<Batch, 'payload'>): Held {
  try {
    const content = contentOf(payload);
    let at = LENGTH_BYTES + content.readUInt32BE(0);
    const { via, requests } = JSON.parse(content.toString('utf8', LENGTH_BYTES, at)) as Header;
    const held = requests.map(([signal, items, bytes]): HeldRequest => {
      const body = content.subarray(at, at + bytes);
      at += bytes;
      return { signal, items, body };
    });
    return at === content.length ? { via, requests: held } : NOTHING;
  } catch {
    return NOTHING;
  }
}
