import { failureOf, firstChunkOf } from '../../dialects/calls.ts';
import { DIALECT_KEYS } from '../../dialects/index.ts';
import { keptFacts } from '../../dialects/nervecenter.ts';
import { copyOf, firstOf } from '../../dialects/values.ts';
import type { OtlpAttributes, OtlpResource, OtlpSpan, OtlpSpanEvent, OtlpValue } from '../../model.ts';
import { ofSameProcess } from '../../sender.ts';
import { attributesFor, type Person } from '../people.ts';
import { retrievalFacts } from '../queries.ts';
import type { SpanNode } from '../trace.ts';

const NO_ATTRIBUTES: OtlpAttributes = Object.freeze({});
const NO_EVENTS: readonly OtlpSpanEvent[] = [];
/** Of a text, and of all texts of one span: names, models and ids. There may be 100,000 of them. */
const TEXT_CHARS_MAX = 256;
const SPAN_CHARS_MAX = 2048;

/** Whom attributes say that work was for. */
type PersonIn = (attributes: OtlpAttributes) => Person | null;

const RESOURCES = new WeakMap<OtlpResource, OtlpResource>();

/**
 * What is remembered of a span after its trace was decided, for what comes late: where and when it was, how it failed, for whom,
 * and what queries and calls are made of. Nothing of it holds the request that it came in. There are many: no object is made in vain.
 */
export function rememberedSpan(node: SpanNode, span: OtlpSpan, personIn: PersonIn): OtlpSpan {
  return {
    resource: rememberedResource(span.resource, personIn),
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
    attributes: attributesOf(node, span, personIn(span.attributes)),
    events: isTellingMore(node) ? eventsOf(span) : NO_EVENTS,
    allAttributes: attributesHere,
  };
}

/** Whom it says that work was for; which process it is stays known. */
function rememberedResource(resource: OtlpResource, personIn: PersonIn): OtlpResource {
  let remembered = RESOURCES.get(resource);
  if (remembered === undefined) {
    const person = personIn(resource.attributes);
    remembered = ofSameProcess(resource, person === null ? NO_ATTRIBUTES : attributesFor(person));
    RESOURCES.set(resource, remembered);
  }
  return remembered;
}

/** What told a call or a request told it for good; a second instrumentation's span of a call may have to tell it yet. */
function isTellingMore({ reading, call, callsBelow, family }: SpanNode): boolean {
  if (reading?.role === 'call') return call === null && (callsBelow & family) === 0;
  return reading?.role === 'query' || reading?.role === 'stage';
}

function attributesOf(node: SpanNode, span: OtlpSpan, person: Person | null): OtlpAttributes {
  const found = retrievalFacts(span, node.reading);
  const failed = span.status === 'error';
  const tellsMore = isTellingMore(node);
  if (found === null && person === null && !failed && !tellsMore) return NO_ATTRIBUTES;
  return {
    ...(tellsMore && partsOf(span.attributes)),
    ...(person !== null && attributesFor(person)),
    ...(failed && { 'error.type': failureOf(span) }),
    ...(found !== null && keptFacts(found)),
  };
}

/** Of attributes those that calls and queries are made of, which are words and numbers. */
function partsOf(attributes: OtlpAttributes): OtlpAttributes {
  const parts: Record<string, OtlpValue> = {};
  let room = SPAN_CHARS_MAX;
  for (const key in attributes) {
    const value = DIALECT_KEYS.has(key) ? wordOf(attributes[key]) : null;
    if (typeof value === 'string') room -= value.length;
    if (value !== null && room >= 0) parts[key] = value;
  }
  return parts;
}

/** Of a list its first: why several answers ended is told by why the first did. */
function wordOf(value: OtlpValue | undefined): OtlpValue {
  const first = typeof value === 'string' && value.length <= TEXT_CHARS_MAX ? value : firstOf(value);
  if (typeof first === 'string') return copyOf(first, TEXT_CHARS_MAX);
  return typeof first === 'number' || typeof first === 'boolean' ? first : null;
}

/** When the first chunk came; how it failed is among the attributes. */
function eventsOf(span: OtlpSpan): readonly OtlpSpanEvent[] {
  const first = firstChunkOf(span);
  return first === null ? NO_EVENTS : [{ name: first.name, timeMs: first.timeMs, attributes: NO_ATTRIBUTES }];
}

/** `OtlpSpan.allAttributes` of a span of which there are no others. */
export function attributesHere(this: OtlpSpan): OtlpAttributes {
  return this.attributes;
}
