import type { Via } from '../../../core/passage.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import { type EventForm, recordsOf } from './encode/event-records.ts';
import type { BatchName } from './encode/log-records.ts';
import { protobufOfLogs, protobufOfSpans } from './encode/proto-requests.ts';
import type { Resources } from './encode/resources.ts';
import { ITEMS_MAX } from './outgoing.ts';
import { type HeldRequest, payloadOf } from './queue/event-batch.ts';

/** Events as a batch's payload. */
interface EventPayload {
  readonly events: readonly NervecenterEvent[];
  readonly form: EventForm;
  readonly payload: Buffer;
}

/**
 * A batch's events as they go into spools, as the requests that they become: the same bytes for every target that wants the
 * same of the same events.
 */
export class EventPayloads {
  readonly #batch: BatchName;
  readonly #via: Via;
  readonly #resources: Resources;
  readonly #made: EventPayload[] = [];

  /** @param via what the events have passed through. */
  constructor(batch: BatchName, via: Via, resources: Resources) {
    this.#batch = batch;
    this.#via = via;
    this.#resources = resources;
  }

  of(events: readonly NervecenterEvent[], form: EventForm): Buffer {
    const known = this.#made.find((one) => one.events === events && isSame(one.form, form));
    if (known !== undefined) return known.payload;
    const payload = payloadOf({ via: this.#via, requests: this.#requests(events, form) });
    this.#made.push({ events, form, payload });
    return payload;
  }

  #requests(events: readonly NervecenterEvent[], form: EventForm): HeldRequest[] {
    const { spans, logs } = recordsOf(events, form, this.#batch, this.#resources);
    return [
      ...chunks(spans).map((some): HeldRequest => {
        return { signal: 'traces', items: some.length, body: protobufOfSpans(some) };
      }),
      ...chunks(logs).map((some): HeldRequest => {
        return { signal: 'logs', items: some.length, body: protobufOfLogs(some) };
      }),
    ];
  }
}

/** As many as one request takes. */
function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / ITEMS_MAX) }, (_, index) =>
    items.slice(index * ITEMS_MAX, (index + 1) * ITEMS_MAX),
  );
}

function isSame(one: EventForm, other: EventForm): boolean {
  return one.spans === other.spans && one.logs === other.logs;
}
