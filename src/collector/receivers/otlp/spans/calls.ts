import type { CallFacts } from '../dialects/dialect.ts';
import { isOurs } from '../dialects/nervecenter.ts';
import type { OtlpSpan } from '../model.ts';
import type { SpanNode, Trace } from './trace.ts';

/** A call that is counted. */
export interface ToldCall {
  readonly node: SpanNode;
  readonly span: OtlpSpan;
  readonly facts: CallFacts;
}

/**
 * Decides which of the held spans are calls that nobody has told yet: the innermost ones. A span around a call of its kind is
 * a roll-up of it, whenever it comes; one below a call that was told is part of that one.
 */
export function decideCalls(trace: Trace): ToldCall[] {
  if (trace.calls === 0) return [];
  const undecided = trace.held.filter(({ reading, told, state }) => {
    return state === 'held' && reading?.role === 'call' && told === null;
  });
  return undecided
    .filter((node) => (node.callsBelow & node.family) === 0)
    .sort(byDuration)
    .flatMap((node) => tell(trace, node));
}

/** The shorter of two spans of one call is the one nearer to the wire; by id, so that the order they came in is nothing. */
function byDuration(one: SpanNode, other: SpanNode): number {
  const difference = durationOf(one) - durationOf(other);
  return difference === 0 ? (one.id < other.id ? -1 : 1) : difference;
}

function durationOf({ span }: SpanNode): number {
  return span === null ? 0 : span.endMs - span.startMs;
}

function tell(trace: Trace, node: SpanNode): ToldCall[] {
  const { span, reading } = node;
  const facts = span === null ? undefined : reading?.dialect.call?.(span);
  if (span === null || facts === undefined || isInsideTold(node)) return [];
  if (facts.responseId !== null) {
    // Instrumentations by callbacks stand beside the span of the client, not around it.
    trace.toldAnswers ??= new Map();
    const toldBy = trace.toldAnswers.get(facts.responseId);
    if (toldBy !== undefined && toldBy !== span.scope.name) return [];
    trace.toldAnswers.set(facts.responseId, span.scope.name);
  }
  node.told = 'call';
  return isOnlyAStage(facts) && !isOurs(span) ? [] : [{ node, span, facts }];
}

function isInsideTold(node: SpanNode): boolean {
  for (const above of node.parent?.up() ?? []) {
    if (above.told === 'call' && above.family === node.family) return true;
  }
  return false;
}

/** Embedding or ranking by a model inside the app: nobody was called and nobody is paid. */
function isOnlyAStage({ operation, provider, serverAddress, usage }: CallFacts): boolean {
  const isLocalWork = operation === 'embeddings' || operation === 'rerank';
  return isLocalWork && provider === 'unknown' && serverAddress === null && usage === null;
}
