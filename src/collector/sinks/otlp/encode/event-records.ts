import type { OtlpTarget } from '../../../../config/otlp/target.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { type BatchName, detailsOf, eventRecord } from './log-records.ts';
import type { Resources } from './resources.ts';
import type { OtlpLogRecord, OtlpSpan } from './serializers.ts';
import { spansOf } from './spans.ts';

/** What the events of a target become. */
export interface EventForm {
  readonly spans: boolean;
  /** `details`: those of model calls; `events`: the events themselves; `null`: no log records. */
  readonly logs: 'details' | 'events' | null;
}

export function formFor({ nervecenter, endpoints }: OtlpTarget): EventForm {
  return {
    spans: !nervecenter && endpoints.traces !== undefined,
    logs: endpoints.logs === undefined ? null : nervecenter ? 'events' : 'details',
  };
}

export interface EventRecords {
  readonly spans: readonly OtlpSpan[];
  readonly logs: readonly OtlpLogRecord[];
}

/** What the events of a batch become, each with the resource of who sent it. */
export function recordsOf(
  events: readonly NervecenterEvent[],
  form: EventForm,
  batch: BatchName,
  resources: Resources,
): EventRecords {
  const spans: OtlpSpan[] = [];
  const logs: OtlpLogRecord[] = [];
  for (const event of events) {
    const resource = resources.of(event.sender);
    if (form.spans) spans.push(...spansOf(event, resource));
    if (form.logs === 'events') logs.push(eventRecord(event, batch, resource));
    const details = form.logs === 'details' ? detailsOf(event, resource) : null;
    if (details !== null) logs.push(details);
  }
  return { spans, logs };
}
