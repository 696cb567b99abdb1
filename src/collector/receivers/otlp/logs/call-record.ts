import { isRecord } from '../../../../core/signals/checks.ts';
import { type LlmCallEvent, NO_CALL_DETAILS } from '../../../../core/signals/llm-call.ts';
import { milliseconds } from '../../../../core/units.ts';
import { genAi } from '../dialects/gen-ai.ts';
import { eventIdOf, isUsableTime } from '../event-id.ts';
import type { OtlpLabels } from '../labels.ts';
import type { OtlpAttributes, OtlpLogRecord, OtlpSpan } from '../model.ts';
import { NOBODY, People } from '../spans/people.ts';
import { senderOf } from '../spans/sender-of.ts';

/** The event of each model call, by the conventions of today and those before. */
const CALL_EVENT = /^gen_ai\.client\.(?:inference\.|embeddings\.)?operation\.details$/;
/** No header is trusted here: log records hold none. */
const PEOPLE = new People(null);

/** A model call that a log record tells of. */
export interface ToldCall {
  readonly event: LlmCallEvent;
  /** By which its span is known to be of the same call. */
  readonly call: string;
}

/**
 * The call that a record tells of, `null` where it tells of none: agents and tools have such records as well. No record
 * tells a duration: it is 0.
 *
 * @param nowMs stands in for the time of a record that has none.
 */
export function toldCall(record: OtlpLogRecord, { calls }: OtlpLabels, nowMs: number): ToldCall | null {
  if (!CALL_EVENT.test(record.eventName)) return null;
  const timeMs = isUsableTime(record.timeMs) ? record.timeMs : nowMs;
  const span = asSpan(record, timeMs);
  if (genAi.roleOf(span) !== 'call') return null;
  const facts = genAi.call?.(span);
  if (facts === undefined) return null;
  const { responseId: _, ...told } = facts;
  const id = eventIdOf(span.traceId, span.spanId, timeMs);
  const event: LlmCallEvent = {
    ...NO_CALL_DETAILS,
    signal: 'llm-call',
    id,
    timeMs: milliseconds(timeMs),
    sender: senderOf(record.resource),
    traceId: record.traceId,
    ...(PEOPLE.in(span.attributes) ?? PEOPLE.in(record.resource.attributes) ?? NOBODY),
    queryCategory: null,
    ...told,
    ...calls.of(told),
    durationMs: milliseconds(0),
  };
  return { event, call: record.traceId === null ? id : `${record.traceId}${record.spanId}` };
}

/** What its span would tell: the attributes are the same by convention. */
function asSpan(record: OtlpLogRecord, endMs: number): OtlpSpan {
  const { resource, scope, body } = record;
  // Older libraries have them in the body.
  const attributes: OtlpAttributes = isRecord(body)
    ? { ...(body as OtlpAttributes), ...record.attributes }
    : record.attributes;
  return {
    resource,
    scope,
    // Outside a trace nothing but what it says tells it apart.
    traceId: record.traceId ?? '',
    spanId: record.spanId ?? JSON.stringify(attributes),
    parentSpanId: null,
    name: record.eventName,
    kind: 'client',
    startMs: 0,
    endMs,
    status: attributes['error.type'] === undefined ? 'unset' : 'error',
    statusMessage: '',
    attributes,
    events: [],
    allAttributes: () => attributes,
  };
}
