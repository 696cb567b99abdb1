import type { CallFacts } from '../dialects/dialect.ts';
import { isOurs } from '../dialects/nervecenter.ts';
import type { OtlpSpan } from '../model.ts';
import { DEPTH_MAX, type KnownCall, type SpanNode, type Trace } from './trace.ts';

/** A call that counts. */
export interface Call {
  readonly node: SpanNode;
  readonly span: OtlpSpan;
  /** `null` of one that was a call before: what it tells was told. */
  readonly facts: CallFacts | null;
}

/** Decides which spans are calls: the innermost ones. A span around a call of its kind is a roll-up of it. */
export function decideCalls(trace: Trace): Call[] {
  if (trace.counts.calls === 0) return [];
  const calls = [...trace.nodes.values()].filter(({ reading }) => reading?.role === 'call');
  for (const { call } of calls) if (call !== null) call.isInnermost = false;
  const answers = new Map<string, string>();
  return calls
    .filter((node) => (node.callsBelow & node.family) === 0)
    .sort(byDuration)
    .flatMap((node) => decide(node, answers));
}

/** The shorter of two spans of one call is the one nearer to the wire; by id, so that the order they came in is nothing. */
function byDuration(one: SpanNode, other: SpanNode): number {
  const difference = durationOf(one) - durationOf(other);
  return difference === 0 ? (one.id < other.id ? -1 : 1) : difference;
}

function durationOf({ span }: SpanNode): number {
  return span === null ? 0 : span.endMs - span.startMs;
}

/** @param answers by the provider's id of an answer: which instrumentation's span of it is a call. */
function decide(node: SpanNode, answers: Map<string, string>): Call[] {
  const { span, reading } = node;
  const facts = span === null || node.call !== null ? null : (reading?.dialect.call?.(span) ?? null);
  const call = node.call ?? (span && facts && knownOf(span, facts));
  if (span === null || call === null || isInsideCall(node)) return [];
  if (call.responseId !== null) {
    // Instrumentations by callbacks stand beside the span of the client, not around it.
    const seenBy = answers.get(call.responseId);
    if (seenBy !== undefined && seenBy !== span.scope.name) return [];
    answers.set(call.responseId, span.scope.name);
  }
  call.isInnermost = true;
  node.call = call;
  return call.isOnlyAStage ? [] : [{ node, span, facts }];
}

function knownOf(span: OtlpSpan, facts: CallFacts): KnownCall {
  const { operation, responseId } = facts;
  return { operation, responseId, isOnlyAStage: isOnlyAStage(facts) && !isOurs(span), isInnermost: false };
}

/** Only broken senders have calls in a circle. */
function isInsideCall(node: SpanNode): boolean {
  let depth = 0;
  for (let above = node.parent; above !== null && depth < DEPTH_MAX; above = above.parent, depth++) {
    if (above.call?.isInnermost === true && above.family === node.family) return true;
  }
  return false;
}

/** Embedding or ranking by a model inside the app: nobody was called and nobody is paid. */
function isOnlyAStage({ operation, provider, serverAddress, usage }: CallFacts): boolean {
  const isLocalWork = operation === 'embeddings' || operation === 'rerank';
  return isLocalWork && provider === 'unknown' && serverAddress === null && usage === null;
}
