import { SpanStatusCode, TraceFlags, type TraceState } from '@opentelemetry/api';
import { SPAN_KINDS, type SpanEvent, type WholeSpan } from '../../../../core/signals/span.ts';
import type { Resource } from './resources.ts';
import type { OtlpSpan } from './serializers.ts';
import { hrTime } from './time.ts';

const STATUSES = { unset: SpanStatusCode.UNSET, ok: SpanStatusCode.OK, error: SpanStatusCode.ERROR } as const;

/** A span of the app's own, as the app ended it; it was sampled, or it would not be here. */
export function appSpan(event: SpanEvent, whole: WholeSpan, resource: Resource): OtlpSpan {
  const { traceId, spanId, parentSpanId } = event;
  const { startTime, endTime, statusMessage, scope, dropped } = whole;
  const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, ...stateOf(whole) };
  return {
    name: event.name,
    // The API has no unspecified one, and counts from internal on.
    kind: Math.max(0, SPAN_KINDS.indexOf(event.kind) - 1),
    spanContext: () => context,
    ...(parentSpanId === null ? {} : { parentSpanContext: { ...context, spanId: parentSpanId } }),
    startTime: [...startTime],
    endTime: [...endTime],
    duration: hrTime(event.durationMs),
    status: { code: STATUSES[event.status], ...(statusMessage === null ? {} : { message: statusMessage }) },
    attributes: attributesOf(whole.attributes),
    links: whole.links.map(({ traceId: linked, spanId: at, traceFlags, ...link }) => ({
      context: { traceId: linked, spanId: at, traceFlags },
      attributes: attributesOf(link.attributes),
      droppedAttributesCount: link.dropped,
    })),
    events: whole.events.map(({ name, time, ...told }) => ({
      name,
      time: [...time],
      attributes: attributesOf(told.attributes),
      droppedAttributesCount: told.dropped,
    })),
    ended: true,
    resource,
    instrumentationScope: {
      name: event.scope,
      ...(scope.version === null ? {} : { version: scope.version }),
      ...(scope.schemaUrl === null ? {} : { schemaUrl: scope.schemaUrl }),
    },
    droppedAttributesCount: dropped.attributes,
    droppedEventsCount: dropped.events,
    droppedLinksCount: dropped.links,
  };
}

function attributesOf(attributes: WholeSpan['attributes']): OtlpSpan['attributes'] {
  return attributes as OtlpSpan['attributes'];
}

/** What vendors wrote beside the trace's id, unchanged. */
function stateOf({ traceState }: WholeSpan): { readonly traceState?: TraceState } {
  if (traceState === null) return {};
  const state: TraceState = {
    serialize: () => traceState,
    get: () => undefined,
    set: () => state,
    unset: () => state,
  };
  return { traceState: state };
}
