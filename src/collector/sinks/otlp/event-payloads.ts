import type { OtlpTarget } from '../../../config/otlp/target.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import { type EventForm, formFor, recordsOf } from './encode/event-records.ts';
import type { BatchName } from './encode/log-records.ts';
import { protobufOfLogs, protobufOfSpans } from './encode/proto-requests.ts';
import type { Resources } from './encode/resources.ts';
import { payloadOfEvents, payloadOfRequests, type ReadyRequest } from './queue/event-batch.ts';

/** Spans or log records of one request: past it a request is several. A query has a span for every stage. */
export const ITEMS_MAX = 2000;

/** How a target's spool holds events: as what they become; `null`: as events, for requests that are not protobuf. */
export type SpooledForm = EventForm | null;

export function spooledFormFor(target: OtlpTarget): SpooledForm {
  const { traces, logs } = target.endpoints;
  const sendsJson = [traces, logs].some((endpoint) => endpoint?.protocol === 'http/json');
  return sendsJson ? null : formFor(target);
}

/** A batch's events as they go into spools: the same bytes for every target that wants the same of the same events. */
export class EventPayloads {
  readonly #batch: BatchName;
  readonly #resources: Resources;
  readonly #made: {
    readonly of: readonly NervecenterEvent[];
    readonly form: SpooledForm;
    readonly payload: Buffer;
  }[] = [];

  constructor(batch: BatchName, resources: Resources) {
    this.#batch = batch;
    this.#resources = resources;
  }

  payloadOf(events: readonly NervecenterEvent[], form: SpooledForm): Buffer {
    const known = this.#made.find((one) => one.of === events && isSame(one.form, form));
    if (known !== undefined) return known.payload;
    const payload = form === null ? payloadOfEvents(events) : payloadOfRequests(this.#requests(events, form));
    this.#made.push({ of: events, form, payload });
    return payload;
  }

  #requests(events: readonly NervecenterEvent[], form: EventForm): ReadyRequest[] {
    const { spans, logs } = recordsOf(events, form, this.#batch, this.#resources);
    return [
      ...chunks(spans).map((some): ReadyRequest => {
        return { signal: 'traces', items: some.length, bytes: protobufOfSpans(some) };
      }),
      ...chunks(logs).map((some): ReadyRequest => {
        return { signal: 'logs', items: some.length, bytes: protobufOfLogs(some) };
      }),
    ];
  }
}

/** As many as one request takes. */
export function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / ITEMS_MAX) }, (_, index) =>
    items.slice(index * ITEMS_MAX, (index + 1) * ITEMS_MAX),
  );
}

function isSame(one: SpooledForm, other: SpooledForm): boolean {
  return one?.spans === other?.spans && one?.logs === other?.logs;
}
