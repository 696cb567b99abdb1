import { isOurs } from '../dialects/nervecenter.ts';
import type { OtlpSpan } from '../model.ts';
import { forWhom } from './as-now.ts';
import type { SpanEvents } from './events.ts';
import { senderOf } from './sender-of.ts';
import type { Wanted } from './telling.ts';
import { leadsInside, type SpanNode, signalAtOnce, type Trace } from './trace.ts';

/** Between the span of a server and that of its framework there are few others. */
const STEPS_MAX = 8;

/**
 * The requests, and sessions of WebSockets, among spans that have just come. A framework's span of a request inside the server's
 * own (Next.js has both) is the same request: the first that comes is told, and of those that come together the outer.
 */
export function requestsIn(nodes: readonly SpanNode[], make: SpanEvents): Wanted[] {
  return nodes.flatMap((node) => {
    const { span } = node;
    return span === null || !isFirstOfRequest(node, span) ? [] : wanted(node, span, make);
  });
}

/** The requests and sessions of a trace by all of its spans that have come: of those of one request the outermost. */
export function requestsOf(trace: Trace, make: SpanEvents): Wanted[] {
  if (trace.counts.atOnce === 0) return [];
  const requests: Wanted[] = [];
  for (const node of trace.nodes.values()) {
    const { span, reading } = node;
    if (span === null || signalAtOnce(reading?.role) === null || isInsideRequest(node, span)) continue;
    requests.push(...wanted(node, span, make));
  }
  return requests;
}

function wanted(node: SpanNode, span: OtlpSpan, make: SpanEvents): Wanted[] {
  const signal = signalAtOnce(node.reading?.role);
  if (signal === null) return [];
  const first = () => (signal === 'request' ? make.request(node, span) : make.session(node, span));
  const event: Wanted['event'] = (told) => (told === null ? first() : forWhom(told, make.personOf(node)));
  return [{ signal, spanId: node.id, event }];
}

function isFirstOfRequest(node: SpanNode, span: OtlpSpan): boolean {
  if (isOurs(span)) return true;
  const { instanceId } = senderOf(span.resource);
  if (node.servedBelow === instanceId || isInsideRequest(node, span)) return false;
  let steps = 0;
  for (let above = nextAbove(node, steps++); above !== null; above = nextAbove(above, steps++))
    above.servedBelow ??= instanceId;
  return true;
}

/** What nervecenter sends of requests inside each other are several: it sees each once, and others are what an app recorded. */
function isInsideRequest(node: SpanNode, span: OtlpSpan): boolean {
  if (isOurs(span)) return false;
  let steps = 0;
  for (let above = nextAbove(node, steps++); above !== null; above = nextAbove(above, steps++)) {
    if (above.span !== null && above.reading?.role === 'request')
      return senderOf(above.span.resource).instanceId === senderOf(span.resource).instanceId;
  }
  return false;
}

/**
 * The next of the nearest spans above that are of the same request: a process that calls itself serves two.
 *
 * @param steps how many there were already.
 */
function nextAbove({ parent }: SpanNode, steps: number): SpanNode | null {
  if (parent === null || steps >= STEPS_MAX) return null;
  return parent.span === null || leadsInside(parent.span) ? parent : null;
}
