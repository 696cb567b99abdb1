import type { NervecenterEvent } from '../../../../../core/signals/index.ts';
import { SPAN_KINDS } from '../../../../../core/signals/span.ts';
import type { Milliseconds } from '../../../../../core/units.ts';
import type { SpanReading } from '../../dialects/index.ts';
import type { OtlpAttributes, OtlpResource, OtlpScope, OtlpSpan, OtlpSpanEvent } from '../../model.ts';
import { type KnownCall, type SpanNode, Trace } from '../trace.ts';
import type { Lexicon } from './lexicon.ts';
import type { Packer, Unpacker } from './packing.ts';
import { attributesHere } from './remembered-span.ts';

const STATUSES = ['unset', 'ok', 'error'] as const;
const NO_ATTRIBUTES: OtlpAttributes = Object.freeze({});
const NO_EVENTS: readonly OtlpSpanEvent[] = [];

/** Bits of what there is of a node. */
const HAS_PARENT = 1;
const HAS_SPAN = 2;
const HAS_READING = 4;
const HAS_CALL = 8;
const HAS_SERVED = 16;
const HAS_ATTRIBUTES = 32;
const HAS_EVENTS = 64;
/** Bits of a trace, and of what was told. */
const KEPT = 1;
const HAS_PARTS = 2;
const DECIDED = 4;
const COUNTED = 1;
const STORED = 2;

/** A trace that holds nothing: its id, and what `unpackTrace` gives back. */
export function packTrace(trace: Trace, packer: Packer, lexicon: Lexicon): Buffer {
  packer.begin(lexicon);
  packer.value(trace.id);
  const { kept, hasParts, wasDecided, counts } = trace;
  packer.whole((kept ? KEPT : 0) | (hasParts ? HAS_PARTS : 0) | (wasDecided ? DECIDED : 0));
  for (const count of [counts.calls, counts.searches, counts.atOnce]) packer.whole(count);
  packer.value(trace.toldByOthers);
  packer.value(trace.retracted && [...trace.retracted]);
  packer.whole(trace.nodes.size);
  for (const node of trace.nodes.values()) packNode(node, packer);
  packer.whole(trace.told.size);
  for (const [key, { event, atMs, counted, stored }] of trace.told) {
    const at = key.indexOf(' ');
    packer.value(key.slice(0, at));
    packer.value(key.slice(at + 1));
    packer.whole((counted ? COUNTED : 0) | (stored ? STORED : 0));
    packer.value(atMs);
    packer.value(event);
  }
  return packer.packed();
}

/** @param from behind the id. */
export function unpackTrace(id: string, from: Unpacker): Trace {
  const bits = from.whole();
  const trace = new Trace(id, (bits & DECIDED) !== 0);
  trace.kept = (bits & KEPT) !== 0;
  trace.hasParts = (bits & HAS_PARTS) !== 0;
  trace.counts.calls = from.whole();
  trace.counts.searches = from.whole();
  trace.counts.atOnce = from.whole();
  trace.toldByOthers = from.value() as Trace['toldByOthers'];
  const retracted = from.value() as readonly string[] | null;
  trace.retracted = retracted && new Set(retracted);
  for (let left = from.whole(); left > 0; left--) unpackNode(trace, from);
  for (let left = from.whole(); left > 0; left--) {
    const key = `${from.value()} ${from.value()}`;
    const told = from.whole();
    const atMs = from.value() as Milliseconds;
    const event = from.value() as NervecenterEvent | null;
    const [counted, stored] = [(told & COUNTED) !== 0, (told & STORED) !== 0];
    trace.told.set(key, { event, atMs, counted, stored });
  }
  return trace;
}

function packNode(node: SpanNode, packer: Packer): void {
  const { span, reading, call, parent, servedBelow } = node;
  const hasAttributes = span !== null && !isEmpty(span.attributes);
  const hasEvents = span !== null && span.events.length > 0;
  packer.value(node.id);
  packer.whole(
    (parent === null ? 0 : HAS_PARENT) |
      (span === null ? 0 : HAS_SPAN) |
      (reading === null ? 0 : HAS_READING) |
      (call === null ? 0 : HAS_CALL) |
      (servedBelow === null ? 0 : HAS_SERVED) |
      (hasAttributes ? HAS_ATTRIBUTES : 0) |
      (hasEvents ? HAS_EVENTS : 0),
  );
  packer.whole(node.family);
  packer.whole(node.callsBelow);
  if (parent !== null) packer.value(parent.id);
  if (reading !== null) packer.shared(reading);
  if (call !== null) packer.value(call);
  if (servedBelow !== null) packer.value(servedBelow);
  if (span === null) return;
  packer.shared(span.resource);
  packer.value(span.scope);
  packer.whole(SPAN_KINDS.indexOf(span.kind) * STATUSES.length + STATUSES.indexOf(span.status));
  packer.value(span.startMs);
  packer.value(span.endMs);
  if (hasAttributes) packer.value(span.attributes);
  if (hasEvents) packer.value(span.events);
}

function unpackNode(trace: Trace, from: Unpacker): void {
  const node = trace.nodeOf(String(from.value()));
  const bits = from.whole();
  node.family = from.whole();
  node.callsBelow = from.whole();
  if ((bits & HAS_PARENT) !== 0) node.parent = trace.nodeOf(String(from.value()));
  if ((bits & HAS_READING) !== 0) node.reading = from.shared() as SpanReading;
  if ((bits & HAS_CALL) !== 0) node.call = from.value() as KnownCall;
  if ((bits & HAS_SERVED) !== 0) node.servedBelow = String(from.value());
  if ((bits & HAS_SPAN) === 0) return;
  node.state = 'decided';
  node.span = unpackSpan(trace, node, { from, bits });
}

function unpackSpan(
  trace: Trace,
  node: SpanNode,
  { from, bits }: { readonly from: Unpacker; readonly bits: number },
): OtlpSpan {
  const resource = from.shared() as OtlpResource;
  const scope = from.value() as OtlpScope;
  const kindAndStatus = from.whole();
  return {
    resource,
    scope,
    traceId: trace.id,
    spanId: node.id,
    parentSpanId: node.parent?.id ?? null,
    name: '',
    kind: SPAN_KINDS[Math.floor(kindAndStatus / STATUSES.length)] ?? 'unspecified',
    startMs: Number(from.value()),
    endMs: Number(from.value()),
    status: STATUSES[kindAndStatus % STATUSES.length] ?? 'unset',
    statusMessage: '',
    attributes: (bits & HAS_ATTRIBUTES) === 0 ? NO_ATTRIBUTES : (from.value() as OtlpAttributes),
    events: (bits & HAS_EVENTS) === 0 ? NO_EVENTS : (from.value() as readonly OtlpSpanEvent[]),
    allAttributes: attributesHere,
  };
}

function isEmpty(attributes: OtlpAttributes): boolean {
  for (const _ in attributes) return false;
  return true;
}
