import { pathTemplate } from '../../../../core/http/path-template.ts';
import { OTHER, word } from '../../../../core/llm/labels.ts';
import { type LlmCallEvent, NO_CALL_DETAILS } from '../../../../core/signals/llm-call.ts';
import type { RagQueryEvent } from '../../../../core/signals/rag-query.ts';
import type { RequestEvent } from '../../../../core/signals/request.ts';
import type { WsSessionEvent } from '../../../../core/signals/ws-session.ts';
import { milliseconds } from '../../../../core/units.ts';
import type { UserHeaders } from '../../../../core/user-headers.ts';
import { eventIdOf } from '../event-id.ts';
import type { OtlpLabels } from '../labels.ts';
import type { OtlpAttributes, OtlpSpan } from '../model.ts';
import type { Call } from './calls.ts';
import { NOBODY, People, type Person } from './people.ts';
import type { Query } from './queries.ts';
import { senderOf } from './sender-of.ts';
import type { SpanNode, Trace } from './trace.ts';

/** Of so few spans it is found out as often as it is asked: to remember it takes longer. */
const FEW = 16;

/** Makes events of what spans tell, with names bounded as the agent bounds them: for all senders together. */
export class SpanEvents {
  readonly #people: People;
  readonly #labels: OtlpLabels;
  /** What each span and those above it say, while no trace changes. */
  #persons: Map<SpanNode, Person | null> | null = null;

  constructor(headers: UserHeaders | null, labels: OtlpLabels) {
    this.#people = new People(headers);
    this.#labels = labels;
  }

  request(node: SpanNode, span: OtlpSpan): RequestEvent | null {
    const facts = node.reading?.dialect.request?.(span);
    if (facts === undefined) return null;
    return {
      signal: 'request',
      ...this.#whatAndWhose(node, span),
      ...facts,
      route: this.#labels.routes.bound(facts.route),
      durationMs: durationOf(span),
    };
  }

  session(node: SpanNode, span: OtlpSpan): WsSessionEvent | null {
    const facts = node.reading?.dialect.session?.(span);
    if (facts === undefined) return null;
    return {
      signal: 'ws-session',
      ...this.#whatAndWhose(node, span),
      ...facts,
      path: this.#labels.paths.bound(pathTemplate(facts.path)),
      durationMs: durationOf(span),
    };
  }

  call({ node, span, facts }: Call): LlmCallEvent | null {
    if (facts === null) return null;
    const { responseId: _, ...told } = facts;
    return {
      ...NO_CALL_DETAILS,
      signal: 'llm-call',
      ...this.#whatAndWhose(node, span),
      queryCategory: null,
      ...told,
      ...this.#labels.calls.of(told),
      operation: this.#labels.operations.of(word(told.operation) ?? OTHER),
      durationMs: durationOf(span),
    };
  }

  query(traceId: string, { anchor, owner, startMs, endMs, stages, facts, errorType }: Query): RagQueryEvent {
    const timeMs = milliseconds(endMs);
    return {
      signal: 'rag-query',
      id: eventIdOf(traceId, anchor.id, timeMs),
      timeMs,
      ...(owner.span !== null && { sender: senderOf(owner.span.resource) }),
      traceId,
      ...this.personOf(owner),
      durationMs: milliseconds(endMs - startMs),
      stages: this.#named(stages),
      ...facts,
      outcome: errorType === null ? 'ok' : 'error',
      errorType,
    };
  }

  /** Runs something during which the trace does not change: whom the work of each of many spans was for is then found out once. */
  inRound<T>({ nodes }: Trace, run: () => T): T {
    this.#persons = nodes.size > FEW ? new Map() : null;
    try {
      return run();
    } finally {
      this.#persons = null;
    }
  }

  /** Whom the work was for: as the span says, else the nearest one above that does, else its process. */
  personOf(node: SpanNode): Person {
    const told = this.#persons === null ? this.#personAbove(node) : this.#nearestPerson(node, this.#persons);
    return told ?? (node.span === null ? null : this.#people.in(node.span.resource.attributes)) ?? NOBODY;
  }

  #personAbove(from: SpanNode): Person | null {
    let at: SpanNode | null = from;
    for (let steps = 0; at !== null && steps < FEW; steps++) {
      const person = at.span === null ? null : this.#people.in(at.span.attributes);
      if (person !== null) return person;
      at = at.parent;
    }
    return at === null ? null : this.#nearestPerson(at, new Map());
  }

  #nearestPerson(node: SpanNode, known: Map<SpanNode, Person | null>): Person | null {
    const passed: SpanNode[] = [];
    let person: Person | null | undefined = null;
    for (let at: SpanNode | null = node; at !== null && person === null; at = at.parent) {
      person = known.get(at);
      if (person !== undefined) break;
      // Spans that are their own ancestors say nothing more.
      known.set(at, null);
      passed.push(at);
      person = at.span === null ? null : this.#people.in(at.span.attributes);
    }
    for (const below of passed) known.set(below, person ?? null);
    return person ?? null;
  }

  /** What attributes themselves say of whom work was for; `null`: nothing. */
  personIn(attributes: OtlpAttributes): Person | null {
    return this.#people.in(attributes);
  }

  #named(stages: Query['stages']): Query['stages'] {
    return Object.fromEntries(
      Object.entries(stages).map(([stage, timeMs]) => [this.#labels.stages.admit(stage), timeMs]),
    );
  }

  #whatAndWhose(node: SpanNode, span: OtlpSpan) {
    return {
      id: eventIdOf(span.traceId, span.spanId, span.endMs),
      timeMs: milliseconds(span.endMs),
      sender: senderOf(span.resource),
      traceId: span.traceId,
      ...this.personOf(node),
    };
  }
}

function durationOf({ startMs, endMs }: OtlpSpan) {
  return milliseconds(Math.max(0, endMs - startMs));
}
