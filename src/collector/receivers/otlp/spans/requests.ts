import { isOurs } from '../dialects/nervecenter.ts';
import type { OtlpSpan } from '../model.ts';
import type { ToldEvent } from './decide.ts';
import type { SpanEvents } from './events.ts';
import { senderOf } from './sender-of.ts';
import { leadsInside, type SpanNode } from './trace.ts';

/** Between the span of a server and that of its framework there are few others. */
const STEPS_MAX = 8;

/**
 * The requests, and sessions of WebSockets, among spans that have just come. A framework's span of a request inside the server's own (Next.js has both) is
 * the same request: the first that comes is told, and of those that come together the outer.
 */
export function requestsIn(nodes: readonly SpanNode[], make: SpanEvents): ToldEvent[] {
  return nodes.flatMap((node) => {
    const event = toldBy(node, make);
    return event === null ? [] : [{ event, spanId: node.id }];
  });
}

function toldBy(node: SpanNode, make: SpanEvents): ToldEvent['event'] | null {
  const { span, reading } = node;
  if (span === null || reading === null) return null;
  if (reading.role === 'session') return make.session(node, span, reading);
  if (reading.role !== 'request' || !isFirstOfRequest(node, span)) return null;
  return make.request(node, span, reading);
}

/** What nervecenter sends of requests inside each other are several: it sees each once, and others are what an app recorded. */
function isFirstOfRequest(node: SpanNode, span: OtlpSpan): boolean {
  if (isOurs(span)) return true;
  const { instanceId } = senderOf(span.resource);
  if (node.servedBelow === instanceId || isInsideRequest(node, instanceId)) return false;
  markServed(node, instanceId);
  return true;
}

function isInsideRequest(node: SpanNode, instanceId: string): boolean {
  for (const { span, reading } of above(node)) {
    if (span !== null && reading?.role === 'request')
      return senderOf(span.resource).instanceId === instanceId;
  }
  return false;
}

function markServed(node: SpanNode, instanceId: string): void {
  for (const parent of above(node)) parent.servedBelow ??= instanceId;
}

/** The nearest spans above that are of the same request: a process that calls itself serves two. */
function* above(node: SpanNode): Generator<SpanNode> {
  let steps = 0;
  for (const parent of node.parent?.up() ?? []) {
    if ((parent.span !== null && !leadsInside(parent.span)) || steps++ >= STEPS_MAX) return;
    yield parent;
  }
}
