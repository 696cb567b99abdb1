import { createHash } from 'node:crypto';
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { type Attribution, type EventBase, spanIdOf, traceIdOf } from '../../../../core/event.ts';
import type { NervecenterEvent, SignalName } from '../../../../core/signals/index.ts';
import type { LlmCallEvent } from '../../../../core/signals/llm-call.ts';
import {
  EMBEDDING,
  type RagQueryEvent,
  STAGE_ATTRIBUTE,
  VECTOR_SEARCH,
} from '../../../../core/signals/rag-query.ts';
import { type RequestEvent, requestAttributes } from '../../../../core/signals/request.ts';
import type { WsSessionEvent } from '../../../../core/signals/ws-session.ts';
import { appSpan } from './app-span.ts';
import { callAttributes, callError, callName, type SpanAttributes } from './call-attributes.ts';
import { type Resource, SCOPE } from './resources.ts';
import type { OtlpSpan } from './serializers.ts';
import { hrTime } from './time.ts';

/** What of a span differs from one to the next. */
interface SpanParts {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  /** `null`: nothing failed. */
  readonly error: string | null;
}

type Timed = EventBase & Attribution & { readonly durationMs: number };

const SPAN_ID_DIGITS = 16;
/** The conventions require a path, and say this instead of what should not be told. */
const SCRUBBED = 'REDACTED';
/** How the conventions name a method that is none of theirs. */
const OTHER_METHOD = '_OTHER';

const MAKERS: {
  readonly [S in SignalName]?: (event: Extract<NervecenterEvent, { signal: S }>) => SpanParts[];
} = {
  request: requestSpans,
  'llm-call': (event) => [callSpan(event)],
  'rag-query': querySpans,
  'ws-session': (event) => [sessionSpan(event)],
};

/** Whether an event has spans: gauges and counts have none, nor has what no trace records. Spans that came by OTLP are their senders' to send. */
export function hasSpans(event: NervecenterEvent): boolean {
  if (event.signal === 'span') return event.whole !== undefined;
  if (hasAppSpan(event)) return false;
  return Object.hasOwn(MAKERS, event.signal) && (event as Partial<Attribution>).sampled !== false;
}

/**
 * An event as spans, the same whenever it is asked: a backend that gets them twice has them once. None where it is no piece
 * of work.
 */
export function spansOf(event: NervecenterEvent, resource: Resource): OtlpSpan[] {
  if (!hasSpans(event)) return [];
  if (event.signal === 'span')
    return event.whole === undefined ? [] : [appSpan(event, event.whole, resource)];
  const make = MAKERS[event.signal] as ((event: NervecenterEvent) => SpanParts[]) | undefined;
  return make === undefined ? [] : make(event).map((parts) => otlpSpan(parts, resource));
}

/** The span that an event is, or that says the same: its trace is the event's own where it belongs to no other. */
export function spanContextOf(event: EventBase & Attribution) {
  const appSpanId = hasAppSpan(event) ? event.parentSpanId : null;
  const spanId = appSpanId ?? spanIdOf(event.id);
  return { traceId: traceIdOf(event), spanId, traceFlags: TraceFlags.SAMPLED };
}

function hasAppSpan(event: EventBase): boolean {
  return (event as Partial<LlmCallEvent>).hasAppSpan === true;
}

function timedParts(
  event: Timed,
): Pick<SpanParts, 'traceId' | 'spanId' | 'parentSpanId' | 'startMs' | 'endMs'> {
  const { traceId, spanId } = spanContextOf(event);
  return {
    traceId,
    spanId,
    parentSpanId: event.parentSpanId ?? null,
    startMs: event.timeMs - event.durationMs,
    endMs: event.timeMs,
  };
}

function requestSpans(event: RequestEvent): SpanParts[] {
  const { method, route, requestBytes, responseBytes } = event;
  const { 'http.route': _route, ...attributes } = requestAttributes(event);
  const error = attributes['error.type'];
  // `<unmatched>`, `<static>` and `<other>` are no routes.
  const known = !route.startsWith('<');
  const verb = method === OTHER_METHOD ? 'HTTP' : method;
  return [
    {
      ...timedParts(event),
      name: known ? `${verb} ${route}` : verb,
      kind: SpanKind.SERVER,
      attributes: {
        ...attributes,
        ...(known ? { 'http.route': route } : {}),
        'url.path': known ? route : SCRUBBED,
        ...(requestBytes === null ? {} : { 'http.request.body.size': requestBytes }),
        ...(responseBytes === null ? {} : { 'http.response.body.size': responseBytes }),
        ...people(event),
      },
      error: error === undefined ? null : String(error),
    },
  ];
}

function callSpan(event: LlmCallEvent): SpanParts {
  return {
    ...timedParts(event),
    name: callName(event),
    kind: SpanKind.CLIENT,
    attributes: { ...callAttributes(event), ...people(event) },
    error: callError(event),
  };
}

function querySpans(event: RagQueryEvent): SpanParts[] {
  const error = event.outcome === 'error' ? (event.errorType ?? '_OTHER') : null;
  const query: SpanParts = {
    ...timedParts(event),
    name: 'rag query',
    kind: SpanKind.INTERNAL,
    attributes: {
      ...queryAttributes(event),
      ...(error === null ? {} : { 'error.type': error }),
      ...people(event),
    },
    error,
  };
  return [query, ...stageSpans(event, query)];
}

function queryAttributes(event: RagQueryEvent): SpanAttributes {
  const named = {
    chunks_retrieved: event.chunksRetrieved,
    chunks_used: event.chunksUsed,
    cache_hit: event.cacheHit,
    embedding_cache_hit: event.embeddingCacheHit,
    top_score: event.topScore,
    avg_score: event.avgScore,
    threshold: event.threshold,
    query_hash: event.queryHash,
  };
  const known = Object.entries(named).filter(([, value]) => value !== null);
  return Object.fromEntries(
    known.map(([name, value]) => [`nervecenter.rag.${name}`, value]),
  ) as SpanAttributes;
}

/**
 * How long each stage took is known, not when it began: they stand one after another from the query's beginning, and where
 * some ran beside each other, none ends after the query.
 */
function stageSpans({ id, stages }: RagQueryEvent, query: SpanParts): SpanParts[] {
  let from = query.startMs;
  return Object.entries(stages).map(([stage, durationMs]) => {
    const startMs = Math.max(query.startMs, Math.min(from, query.endMs - durationMs));
    from = startMs + durationMs;
    const span: SpanParts = {
      traceId: query.traceId,
      spanId: stageSpanId(id, stage),
      parentSpanId: query.spanId,
      startMs,
      endMs: Math.min(from, query.endMs),
      attributes: { [STAGE_ATTRIBUTE]: stage },
      kind: SpanKind.INTERNAL,
      name: stage,
      error: null,
    };
    if (stage === EMBEDDING) return { ...span, name: 'embeddings' };
    if (stage !== VECTOR_SEARCH) return span;
    const attributes = { ...span.attributes, 'gen_ai.operation.name': 'retrieval' };
    return { ...span, name: 'retrieval', kind: SpanKind.CLIENT, attributes };
  });
}

function stageSpanId(queryId: string, stage: string): string {
  return createHash('sha256').update(`${queryId} ${stage}`).digest('hex').slice(0, SPAN_ID_DIGITS);
}

function sessionSpan(event: WsSessionEvent): SpanParts {
  return {
    ...timedParts(event),
    // A path is in no name: there may be one for every client.
    name: 'websocket session',
    kind: SpanKind.SERVER,
    attributes: {
      'url.path': event.path,
      'network.protocol.name': 'websocket',
      'nervecenter.websocket.messages_in': event.messagesIn,
      'nervecenter.websocket.messages_out': event.messagesOut,
      'nervecenter.websocket.bytes_in': event.bytesIn,
      'nervecenter.websocket.bytes_out': event.bytesOut,
      'nervecenter.websocket.close_code': event.closeCode,
      ...people(event),
    },
    error: null,
  };
}

function people({ userEmail, department }: Attribution): SpanAttributes {
  return {
    ...(userEmail === null ? {} : { 'user.email': userEmail }),
    ...(department === null ? {} : { 'nervecenter.department': department }),
  };
}

function otlpSpan(parts: SpanParts, resource: Resource): OtlpSpan {
  const { traceId, spanId, parentSpanId, startMs, endMs, error } = parts;
  const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
  return {
    name: parts.name,
    kind: parts.kind,
    spanContext: () => context,
    ...(parentSpanId === null ? {} : { parentSpanContext: { ...context, spanId: parentSpanId } }),
    startTime: hrTime(startMs),
    endTime: hrTime(endMs),
    duration: hrTime(endMs - startMs),
    status: error === null ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR },
    attributes: parts.attributes as OtlpSpan['attributes'],
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}
