import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { type Batch, contentOf, payloadAround } from '../../postgres/spool/batch.ts';

/** Events as a batch's payload. */
export function payloadOf(events: readonly NervecenterEvent[]): Buffer {
  return payloadAround(Buffer.from(JSON.stringify(events)));
}

/** The events of a batch; none where it is no batch of this version, which only damage can bring about. */
export function eventsIn({ payload }: Pick<Batch, 'payload'>): NervecenterEvent[] {
  try {
    const events: unknown = JSON.parse(contentOf(payload).toString());
    return Array.isArray(events) ? (events as NervecenterEvent[]) : [];
  } catch {
    return [];
  }
}
