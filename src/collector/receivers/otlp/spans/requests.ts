import type { OtlpSpan } from '../model.ts';
import { forWhom } from './as-now.ts';
import type { SpanEvents } from './events.ts';
import { senderOf } from './sender-of.ts';
import type { Wanted } from './telling.ts';
import { leadsInside, type SpanNode, type Trace } from './trace.ts';

/** Between the span of a server and that of its framework there are few others. */
const STEPS_MAX = 8;

/**
 * The requests among spans that have just come. A framework's span of a request inside the server's own (Next.js has both) is
 * the same request: the first that comes is told, and of those that come together the outer.
 */
export function requestsIn(nodes: readonly SpanNode[], make: SpanEvents): Wanted[] {
  return nodes.flatMap((node) => {
    const span = requestOf(node);
    if (span === null) return [];
    const { instanceId } = senderOf(span.resource);
    if (node.servedBelow === instanceId || isInsideRequest(node, span)) return [];
    for (const parent of above(node)) parent.servedBelow ??= instanceId;
    return [wanted(node, span, make)];
  });
}

/** The requests of a trace by all of its spans that have come: the outermost. */
export function requestsOf(trace: Trace, make: SpanEvents): Wanted[] {
  if (trace.counts.requests === 0) return [];
  return [...trace.nodes.values()].flatMap((node) => {
    const span = requestOf(node);
    return span === null || isInsideRequest(node, span) ? [] : [wanted(node, span, make)];
  });
}

function requestOf({ span, reading }: SpanNode): OtlpSpan | null {
  return reading?.role === 'request' ? span : null;
}

function wanted(node: SpanNode, span: OtlpSpan, make: SpanEvents): Wanted {
  return {
    signal: 'request',
    spanId: node.id,
    event: (told) => (told === null ? make.request(node, span) : forWhom(told, make.personOf(node))),
  };
}

function isInsideRequest(node: SpanNode, { resource }: OtlpSpan): boolean {
  for (const parent of above(node)) {
    const around = requestOf(parent);
    if (around !== null) return senderOf(around.resource).instanceId === senderOf(resource).instanceId;
  }
  return false;
}

/** The nearest spans above that are of the same request: a process that calls itself serves two. */
function* above(node: SpanNode): Generator<SpanNode> {
  let steps = 0;
  for (const parent of node.parent?.up() ?? []) {
    if ((parent.span !== null && !leadsInside(parent.span)) || steps++ >= STEPS_MAX) return;
    yield parent;
  }
}
