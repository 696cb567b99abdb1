import { SeverityNumber } from '@opentelemetry/api';
import { withOwnFields } from '../../../../core/records/recorded-request.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import type { LlmCallEvent } from '../../../../core/signals/llm-call.ts';
import { callAttributes } from './call-attributes.ts';
import { type Resource, SCOPE } from './resources.ts';
import type { OtlpLogRecord } from './serializers.ts';
import { spanContextOf } from './spans.ts';
import { hrTime } from './time.ts';

/** The batch an event came in: whoever gets it twice accepts it once. */
export interface BatchName {
  /** UUID. */
  readonly writer: string;
  readonly seq: number;
}

const DETAILS = 'gen_ai.client.inference.operation.details';
const EVENT = 'nervecenter.event';
/** What the conventions describe elsewhere, or not at all. */
const NO_INFERENCE: ReadonlySet<string> = new Set(['embeddings', 'rerank']);

/** The details of an inference by the GenAI conventions; `null` of what is none. */
export function detailsOf(event: NervecenterEvent, resource: Resource): OtlpLogRecord | null {
  if (!hasDetails(event)) return null;
  return {
    ...recordBase(event, resource),
    spanContext: spanContextOf(event),
    severityNumber: SeverityNumber.DEBUG,
    severityText: 'DEBUG',
    eventName: DETAILS,
    attributes: callAttributes(event) as OtlpLogRecord['attributes'],
  };
}

/** Whether an event has details of an inference, which do not depend on what is sampled. */
export function hasDetails(event: NervecenterEvent): event is LlmCallEvent {
  return event.signal === 'llm-call' && !NO_INFERENCE.has(event.operation);
}

/** The event itself, for another nervecenter. Who sent it is said by the resource. */
export function eventRecord(event: NervecenterEvent, batch: BatchName, resource: Resource): OtlpLogRecord {
  return {
    ...recordBase(event, resource),
    severityNumber: SeverityNumber.INFO,
    severityText: 'INFO',
    eventName: EVENT,
    body: JSON.stringify({ ...withOwnFields(event), sender: undefined }),
    attributes: {
      'nervecenter.signal': event.signal,
      'nervecenter.batch.writer': batch.writer,
      'nervecenter.batch.seq': batch.seq,
    },
  };
}

function recordBase({ timeMs }: NervecenterEvent, resource: Resource) {
  const time = hrTime(timeMs);
  return {
    hrTime: time,
    hrTimeObserved: time,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
  };
}
