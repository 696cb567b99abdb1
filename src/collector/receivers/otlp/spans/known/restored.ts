import type { StoredTrace } from '../../../../../core/signals/span.ts';
import { milliseconds } from '../../../../../core/units.ts';
import { readSpan } from '../../dialects/index.ts';
import { eventIdOf } from '../../event-id.ts';
import { type SpanNode, signalAtOnce, type Trace, toldKey } from '../trace.ts';
import { spanOfStored } from './stored-span.ts';

/** Where in an id its time is over: what follows is made of trace and span. */
const TIME_CHARS = 14;
const ofSpan = (id: string): string => id.slice(TIME_CHARS);

/**
 * Adds to what is known of a trace what is stored of it: its spans, and what was told of them. Of a signal that has rows which
 * no span of it makes, an agent told or spans that were not kept, nothing more will be told: the same work would count twice.
 */
export function restore(trace: Trace, { spans, told }: StoredTrace): void {
  for (const stored of spans) {
    const span = spanOfStored(stored);
    const node = trace.add(span, readSpan(span));
    // Its row was offered with the span's.
    if (node !== null) noteToldAtOnce(trace, node);
  }
  const spanIds = new Map([...trace.nodes.keys()].map((id) => [ofSpan(eventIdOf(trace.id, id, 0)), id]));
  for (const event of told) {
    const spanId = spanIds.get(ofSpan(event.id));
    if (spanId === undefined) trace.toldByOthers = [...trace.toldByOthers, event.signal];
    else addTold(trace, spanId, event);
  }
}

/** Notes which requests and sessions a collector before has told: those whose ids are among these. */
export function noteStored(trace: Trace, nodes: readonly SpanNode[], ids: ReadonlySet<string>): void {
  for (const node of nodes) {
    const { span } = node;
    if (span !== null && ids.has(eventIdOf(trace.id, node.id, span.endMs))) noteToldAtOnce(trace, node);
  }
}

/** How it was told is of no matter. */
function noteToldAtOnce(trace: Trace, { id, reading }: SpanNode): void {
  const signal = signalAtOnce(reading?.role);
  const key = signal && toldKey(signal, id);
  if (key === null || trace.told.has(key)) return;
  trace.told.set(key, { event: null, atMs: milliseconds(0), counted: true, stored: true });
}

function addTold(trace: Trace, spanId: string, event: StoredTrace['told'][number]): void {
  const key = toldKey(event.signal, spanId);
  const here = trace.told.get(key);
  if (here?.event?.id === event.id || trace.retracted?.has(event.id)) return;
  // Told here by other spans, at another time: by a key that nothing is wanted by, its row is taken back.
  const own = here === undefined ? key : `${key} ${event.id}`;
  trace.told.set(own, { event, atMs: event.timeMs, counted: true, stored: true });
}
