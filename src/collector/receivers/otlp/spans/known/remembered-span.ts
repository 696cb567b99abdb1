import { failureOf } from '../../dialects/calls.ts';
import { keptFacts } from '../../dialects/nervecenter.ts';
import type { OtlpAttributes, OtlpSpan, OtlpSpanEvent } from '../../model.ts';
import { attributesFor, type Person } from '../people.ts';
import { retrievalFacts } from '../queries.ts';
import type { SpanNode } from '../trace.ts';

const NO_ATTRIBUTES: OtlpAttributes = Object.freeze({});
const NO_EVENTS: readonly OtlpSpanEvent[] = [];

/**
 * What is remembered of a span after its trace was decided, for what comes late: where and when it was, how it failed, for whom,
 * and what queries are made of. Nothing of it holds the request that it came in. There are many: no object is made in vain.
 *
 * @param person whom it says itself that it was for.
 */
export function rememberedSpan(node: SpanNode, span: OtlpSpan, person: Person | null): OtlpSpan {
  const isWhole = isTellingMore(node);
  return {
    resource: span.resource,
    scope: span.scope,
    traceId: span.traceId,
    spanId: node.id,
    parentSpanId: node.parent?.id ?? null,
    name: '',
    kind: span.kind,
    startMs: span.startMs,
    endMs: span.endMs,
    status: span.status,
    statusMessage: '',
    attributes: isWhole ? { ...span.attributes } : attributesOf(node, span, person),
    events: isWhole ? span.events : NO_EVENTS,
    allAttributes: attributesHere,
  };
}

/** What told a call or a request told it for good; a second instrumentation's span of a call may have to tell it yet. */
function isTellingMore({ reading, call, callsBelow, family }: SpanNode): boolean {
  if (reading?.role === 'call') return call === null && (callsBelow & family) === 0;
  return reading?.role === 'query' || reading?.role === 'stage';
}

function attributesOf({ reading }: SpanNode, span: OtlpSpan, person: Person | null): OtlpAttributes {
  const found = retrievalFacts(span, reading);
  const failed = span.status === 'error';
  if (found === null && person === null && !failed) return NO_ATTRIBUTES;
  return {
    ...(person !== null && attributesFor(person)),
    ...(failed && { 'error.type': failureOf(span) }),
    ...(found !== null && keptFacts(found)),
  };
}

function attributesHere(this: OtlpSpan): OtlpAttributes {
  return this.attributes;
}
