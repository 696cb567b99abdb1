import { allVia, NO_VIA, type Via } from '../../../../core/passage.ts';
import type { Delivery, SpanNode, Trace } from './trace.ts';

/** Deciding a trace again takes as long as it has spans: the late ones of one with more are gathered for the longest time. */
const SPANS_OFTEN_DECIDED_MAX = 500;

interface Hold {
  /** How long a trace has to be quiet before it is decided. */
  readonly holdMs: number;
  /** How long it waits at most. */
  readonly holdMaxMs: number;
}

/** The traces that hold spans, and how much they hold. */
export class HeldTraces {
  /** By when the last of their spans came; and by when the first came. */
  readonly #quiet = new Map<string, Trace>();
  readonly #oldest = new Map<string, Trace>();
  #spans = 0;
  #bytes = 0;

  get traces(): number {
    return this.#oldest.size;
  }

  get spans(): number {
    return this.#spans;
  }

  /** Of the requests that they came in. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Those that hold spans for longest first. */
  all(): Iterable<Trace> {
    return this.#oldest.values();
  }

  get(id: string): Trace | undefined {
    return this.#oldest.get(id);
  }

  /** Those that some spans are of, each once. */
  of(nodes: readonly SpanNode[]): Trace[] {
    const traces = new Set<Trace>();
    for (const { span } of nodes) {
      const trace = this.#oldest.get(span?.traceId ?? '');
      if (trace !== undefined) traces.add(trace);
    }
    return [...traces];
  }

  /** One more trace. */
  add(trace: Trace, nowMs: number): void {
    trace.firstMs = nowMs;
    this.#oldest.set(trace.id, trace);
  }

  /** A span of it has come. */
  touch(trace: Trace, nowMs: number): void {
    if (trace.lastMs === nowMs && this.#quiet.has(trace.id)) return;
    trace.lastMs = nowMs;
    this.#quiet.delete(trace.id);
    this.#quiet.set(trace.id, trace);
  }

  /** Spans that came in a request, of traces that are here. */
  hold(nodes: readonly SpanNode[], delivery: Delivery): void {
    const held = nodes.filter(({ state }) => state === 'held');
    if (held.length === 0) return;
    if (delivery.held === 0) this.#bytes += delivery.bytes;
    delivery.held += held.length;
    this.#spans += held.length;
    for (const node of held) node.delivery = delivery;
  }

  /** Those that are to be decided by now; each has to be taken out before the next is asked for. */
  *due(nowMs: number, { holdMs, holdMaxMs }: Hold): Generator<Trace> {
    for (const trace of this.#quiet.values()) {
      if (trace.lastMs + holdMs > nowMs) break;
      this.#quiet.delete(trace.id);
      if (trace.isWhole && !isSeldomDecided(trace)) yield trace;
    }
    for (const trace of this.#oldest.values()) {
      if (trace.firstMs + holdMaxMs > nowMs) break;
      yield trace;
    }
  }

  /**
   * Those that are here with their root, the longest quiet first; each likewise. The others wait for as long as they may.
   *
   * @returns whether all were looked at.
   */
  *rooted(): Generator<Trace, boolean> {
    for (const trace of this.#quiet.values()) {
      if (!trace.held.every(({ delivery }) => delivery?.offered !== false)) return false;
      if (trace.isRooted) yield trace;
    }
    return true;
  }

  /** @returns the collectors that its spans have passed through. */
  takeOut(trace: Trace): Via {
    this.#quiet.delete(trace.id);
    this.#oldest.delete(trace.id);
    const via = allVia(trace.held.map(({ delivery }) => delivery?.via ?? NO_VIA));
    for (const node of trace.held) this.#letGo(node);
    return via;
  }

  #letGo(node: SpanNode): void {
    const { delivery } = node;
    if (delivery === null) return;
    node.delivery = null;
    this.#spans--;
    if (--delivery.held === 0) this.#bytes -= delivery.bytes;
  }
}

function isSeldomDecided({ wasDecided, nodes }: Trace): boolean {
  return wasDecided && nodes.size > SPANS_OFTEN_DECIDED_MAX;
}
